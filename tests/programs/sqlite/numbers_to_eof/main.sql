CREATE TABLE lines (text);
.mode list
.separator "|"
.import /dev/stdin lines
WITH RECURSIVE words (word, rest) AS (
  SELECT '', text || ' ' FROM lines
  UNION ALL
  SELECT substr(rest, 1, instr(rest, ' ') - 1), substr(rest, instr(rest, ' ') + 1) FROM words WHERE rest <> ''
), numbers AS (SELECT CAST(word AS INTEGER) AS n FROM words WHERE word <> '')
SELECT count(*), sum(n), min(n), max(n) FROM numbers;
SELECT printf('mean %.3f', avg(CAST(text AS REAL))) FROM lines;
