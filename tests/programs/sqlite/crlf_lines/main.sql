.import --csv /dev/stdin fruit
SELECT name, length(amount), sum(amount) OVER () FROM fruit;
CREATE TABLE raw (line);
.mode list
.import people.txt raw
SELECT length(line), hex(substr(line, -1)) FROM raw;
