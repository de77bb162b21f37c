CREATE TABLE students (name TEXT, mark REAL, year INTEGER);
.import --csv /dev/stdin students
SELECT printf('%2d. %-8s%6.2f %d', row_number() OVER (ORDER BY mark DESC, year, name), name, mark, year) FROM students;
SELECT group_concat(name, ' ') FROM (SELECT name FROM students ORDER BY name COLLATE NOCASE);
SELECT name FROM students ORDER BY length(name) DESC, name LIMIT 1 OFFSET 1;
SELECT value FROM json_each('[10, 9, 1, 100, null, "a"]') ORDER BY value DESC NULLS LAST;
