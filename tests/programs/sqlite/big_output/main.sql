WITH RECURSIVE rows (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM rows WHERE n < 2500)
SELECT n, n * n, printf('%.*c', n % 60, '-') FROM rows;
