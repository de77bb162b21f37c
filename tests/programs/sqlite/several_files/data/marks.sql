INSERT INTO marks VALUES ('Ann', 5), ('Ann', 6), ('Bob', 4.5);
