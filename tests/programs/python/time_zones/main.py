import os
import time
from datetime import datetime, timezone
from zoneinfo import ZoneInfo

noon = datetime(2024, 7, 1, 12, tzinfo=timezone.utc)
for zone in ("Europe/Paris", "America/New_York", "Asia/Kolkata", "Australia/Sydney"):
    print(noon.astimezone(ZoneInfo(zone)).strftime("%Y-%m-%d %H:%M %Z %z"))
change = datetime(2024, 3, 31, 1, 30, tzinfo=ZoneInfo("Europe/London"))
print(change.utcoffset(), change.astimezone(timezone.utc))
os.environ["TZ"] = "America/Los_Angeles"
time.tzset()
print(time.strftime("%H:%M %Z", time.localtime(0)))
