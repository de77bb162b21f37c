.read schema.sql
.read data/marks.sql
.import --csv data/cities.csv cities
SELECT name, avg(mark), city FROM marks JOIN cities USING (name) GROUP BY name ORDER BY name;
SELECT readfile('notes.txt');
