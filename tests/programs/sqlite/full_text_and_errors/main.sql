CREATE VIRTUAL TABLE notes USING fts5(title, body);
INSERT INTO notes VALUES ('pets', 'the cat sat on the mat'), ('birds', 'an owl and a cat'), ('none', 'empty');
SELECT title, highlight(notes, 1, '[', ']') FROM notes WHERE notes MATCH 'cat' ORDER BY title;
SELECT title FROM notes WHERE notes MATCH 'ow*';
CREATE TABLE strict_one (n INTEGER, t TEXT, CHECK (n > 0)) STRICT;
INSERT INTO strict_one VALUES (1, 'x');
SELECT rowid, * FROM strict_one;
.bail off
INSERT INTO strict_one VALUES ('a', 'x');
INSERT INTO strict_one VALUES (-1, 'x');
SELECT * FROM missing_table;
.print goes on
SELECT count(*) FROM strict_one;
.exit 4
