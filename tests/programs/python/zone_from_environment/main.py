import time
from datetime import datetime

print(time.tzname)
print(datetime.fromtimestamp(1_700_000_000).isoformat(), time.strftime("%Z", time.localtime(1_700_000_000)))
