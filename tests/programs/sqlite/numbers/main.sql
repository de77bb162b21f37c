SELECT 7 / 2, 7 / 2.0, -7 / 2, -7 % 2, 7 | 8, 1 << 10, 0.1 + 0.2, 1e20, 100.0, 1.0 / 3;
SELECT 9223372036854775807, 9223372036854775807 + 1, -9223372036854775808, 1 / 0 IS NULL, '12abc' + 1, '1e2' * 1, 'abc' + 0;
SELECT round(2.5), round(-2.5), round(2.675, 2), abs(-5), max(1, 2.5), min('a', 1), CAST(3.99 AS INTEGER), CAST('x' AS INTEGER), typeof(1), typeof(1.0), typeof('1'), typeof(NULL), typeof(x'00');
SELECT printf('%05d|%-6s|%6.2f|%x|%e|%,d|%c|%%', 42, 'ab', 3.14159, 255, 12345.678, 1234567, 'z');
SELECT 1 = '1', 1 = 1.0, NULL = NULL, NULL IS NULL, 'a' < 'B', 'a' < 'B' COLLATE NOCASE, coalesce(NULL, 2), ifnull(NULL, 3), nullif(1, 1), iif(1 > 2, 'yes', 'no');
WITH RECURSIVE f (n, a, b) AS (SELECT 1, 0, 1 UNION ALL SELECT n + 1, b, a + b FROM f WHERE n < 90) SELECT a FROM f WHERE n = 90;
SELECT hex('é'), lower('ABC'), trim('  x '), ltrim('xxa', 'x'), substr('hello', 2, 3), 'a' || 1 || NULL IS NULL, zeroblob(2) = x'0000', unhex_or_not FROM (SELECT 'n' AS unhex_or_not);
