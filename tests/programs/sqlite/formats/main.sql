CREATE TABLE t (a, b, c);
INSERT INTO t VALUES (1, 'two', NULL), (2.5, 'x,"y"', x'6162');
.headers on
.mode csv
SELECT * FROM t;
.mode json
SELECT a, b FROM t;
.mode line
SELECT * FROM t LIMIT 1;
.mode column
SELECT * FROM t LIMIT 1;
.mode markdown
SELECT a, b FROM t;
.mode box
SELECT a, b FROM t;
.mode insert t
SELECT * FROM t;
.mode quote
SELECT * FROM t;
.mode list
.separator ";"
.nullvalue NULL
.headers off
SELECT * FROM t;
.mode tabs
SELECT * FROM t LIMIT 1;
.print the end
