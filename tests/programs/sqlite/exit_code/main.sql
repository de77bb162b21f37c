CREATE TABLE account (amount INTEGER CHECK (amount >= 0));
INSERT INTO account VALUES (100);
UPDATE account SET amount = amount - 30;
SELECT 'left', amount FROM account;
UPDATE account SET amount = amount - 90;
SELECT 'never';
