CREATE TABLE texts (text);
.import /dev/stdin texts
SELECT length(text), length(CAST(text AS BLOB)), upper(text), substr(text, -4), hex(substr(text, 3, 1)) FROM texts;
SELECT unicode('東'), char(127881), instr('naïve', 'v'), 'É' LIKE 'é', 'A' LIKE 'a', replace('café', 'é', 'e');
SELECT 'größe' AS "größe", quote('it''s');
