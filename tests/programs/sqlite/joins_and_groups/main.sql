CREATE TABLE people (id INTEGER PRIMARY KEY, name TEXT NOT NULL, boss INTEGER REFERENCES people);
CREATE TABLE orders (id INTEGER PRIMARY KEY, person INTEGER, total REAL, day TEXT DEFAULT '2024-01-01');
INSERT INTO people VALUES (1, 'Ann', NULL), (2, 'Bob', 1), (3, 'Cid', 1), (4, 'Dee', 2);
INSERT INTO orders (person, total) VALUES (1, 10), (1, 20.5), (2, 5), (9, 1);
SELECT name, count(orders.id), coalesce(sum(total), 0) FROM people LEFT JOIN orders ON person = people.id GROUP BY people.id ORDER BY 3 DESC, name;
SELECT a.name, b.name FROM people a JOIN people b ON a.boss = b.id ORDER BY a.id;
SELECT name FROM people WHERE id NOT IN (SELECT person FROM orders) AND EXISTS (SELECT 1) ORDER BY name;
WITH RECURSIVE below (id, name, level) AS (SELECT id, name, 0 FROM people WHERE boss IS NULL UNION ALL SELECT p.id, p.name, level + 1 FROM people p JOIN below ON p.boss = below.id)
SELECT printf('%*s%s', level * 2, '', name) FROM below;
SELECT person, total, sum(total) OVER (PARTITION BY person ORDER BY id), rank() OVER (ORDER BY total DESC), lag(total, 1, 0) OVER (ORDER BY id) FROM orders ORDER BY id;
SELECT name FROM people UNION SELECT 'Eve' EXCEPT SELECT 'Bob' ORDER BY 1;
SELECT boss, group_concat(name) FROM people GROUP BY boss HAVING count(*) > 1;
SELECT CASE WHEN total > 10 THEN 'big' WHEN total > 4 THEN 'middle' ELSE 'small' END AS size, count(*) FROM orders GROUP BY size ORDER BY size;
SELECT person, max(total), day FROM orders GROUP BY person;
SELECT count(*) FILTER (WHERE total > 5), total(total), avg(total) FROM orders;
