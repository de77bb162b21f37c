SELECT 'before';
SELEKT 1;
SELECT 'never';
