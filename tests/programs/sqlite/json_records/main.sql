CREATE TABLE records (body);
INSERT INTO records VALUES (readfile('/dev/stdin'));
SELECT json_extract(value, '$.name'), (SELECT coalesce(sum(m.value), 0) FROM json_each(r.value, '$.marks') AS m) FROM records, json_each(body) AS r;
SELECT json_group_array(json_object('n', value -> 'name', 'first', value ->> '$.marks[0]')) FROM records, json_each(body);
SELECT json('{"a" : [1, 2.50, null, true]}'), json_valid('{''single'': 1}'), json_type('[1]'), json_array(1, 'x', NULL), json_set('{"a":1}', '$.b', 2), json_remove('[0,1,2]', '$[1]'), json_patch('{"a":1}', '{"a":null,"c":3}');
SELECT key, value, type, path FROM json_tree('{"a":[{"b":"é"}]}') WHERE atom IS NOT NULL;
