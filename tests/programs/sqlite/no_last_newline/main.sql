.import --csv /dev/stdin t
SELECT * FROM t;
SELECT 'the last statement'