SELECT date('2024-02-27', '+2 days'), date('2024-01-31', '+1 month'), date('2023-02-29'), time('12:00', '-90 minutes');
SELECT julianday('2025-01-01') - julianday('2024-01-01'), strftime('%s', '2024-01-01'), strftime('%Y/%m/%d %w %j', '2024-05-06');
SELECT datetime(1700000000, 'unixepoch'), datetime(0, 'unixepoch', 'localtime'), date('2024-02-15', 'start of month', '+1 month', '-1 day'), date('2024-05-06', 'weekday 0');
SELECT date('now') > '2024-01-01', typeof(random()), length(randomblob(4)), date('nonsense') IS NULL;
