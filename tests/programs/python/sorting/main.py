from operator import itemgetter

students = []
for _ in range(int(input())):
    name, mark, year = input().split(",")
    students.append((name, float(mark), int(year)))
students.sort(key=itemgetter(0))
students.sort(key=lambda s: (-s[1], s[2]))
for place, (name, mark, year) in enumerate(students, 1):
    print(f"{place:2d}. {name:<8}{mark:6.2f} {year}")
