import csv
import os
import shutil
import tempfile
from pathlib import Path

with open("people.csv", "w", newline="") as file:
    writer = csv.writer(file)
    writer.writerow(["name", "city"])
    writer.writerow(["Ann", "Paris, France"])
    writer.writerow(["Bob", 'the "big" one'])
print(Path("people.csv").read_bytes())
with open("people.csv", newline="") as file:
    for row in csv.DictReader(file):
        print(row)
os.makedirs("a/b/c")
Path("a/b/c/deep.txt").write_text("één\n")
print(sorted(str(p) for p in Path("a").rglob("*")))
print(os.path.getsize("a/b/c/deep.txt"))
with tempfile.NamedTemporaryFile("w+") as scratch:
    scratch.write("scratch")
    scratch.seek(3)
    print(scratch.read())
shutil.rmtree("a")
print(os.path.exists("a"))
try:
    open("missing.txt")
except FileNotFoundError as error:
    print(error)
with open("log.txt", "a") as log:
    log.write("one\n")
with open("log.txt", "a+") as log:
    log.write("two\n")
    log.seek(0)
    print(log.readlines())
