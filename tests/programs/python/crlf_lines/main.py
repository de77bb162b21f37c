import sys

# The text of standard input keeps its \r, that of a file does not.
rows = [line.rstrip("\n").split(";") for line in sys.stdin]
print(rows)
total = sum(int(row[1]) for row in rows[1:])
with open("dos.txt", "wb") as file:
    file.write(b"a\r\nb\r\n")
with open("dos.txt") as file:
    print([line.rstrip("\n") for line in file])
print("total", total)
