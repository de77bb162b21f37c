CREATE TABLE marks (name TEXT, mark REAL);
