import calendar
from datetime import date, datetime, timedelta

start = date(2024, 2, 27)
for days in range(4):
    day = start + timedelta(days=days)
    print(day, day.strftime("%a %d %b %Y"), day.isocalendar().week)
print((date(2025, 1, 1) - date(2024, 1, 1)).days, calendar.isleap(1900), calendar.isleap(2000))
moment = datetime.strptime("31/12/2023 23:59:30", "%d/%m/%Y %H:%M:%S")
print(moment + timedelta(minutes=1, seconds=15))
print(datetime.fromisoformat("2024-05-06T07:08:09.000123"))
print(calendar.month(2024, 9))
try:
    date(2023, 2, 29)
except ValueError as error:
    print(error)
