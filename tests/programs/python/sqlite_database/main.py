import sqlite3

db = sqlite3.connect("school.db")
db.execute("CREATE TABLE marks (name TEXT, mark REAL)")
with db:
    db.executemany("INSERT INTO marks VALUES (?, ?)", [("Ann", 5.5), ("Bob", 4), ("Ann", 6)])
for row in db.execute("SELECT name, AVG(mark), COUNT(*) FROM marks GROUP BY name ORDER BY 2 DESC"):
    print(row)
try:
    with db:
        db.execute("DELETE FROM marks")
        raise RuntimeError("no")
except RuntimeError:
    print(db.execute("SELECT COUNT(*) FROM marks").fetchone())
db.close()
print(sqlite3.connect("school.db").execute("SELECT name FROM marks LIMIT 1").fetchall())
