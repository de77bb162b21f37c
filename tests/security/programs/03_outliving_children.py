"""Ends at once; eight children keep its pipes open for a minute, four of them in sessions of their own."""

import os
import time

print("attempted", flush=True)
for number in range(8):
    if os.fork() == 0:
        if number % 2:
            os.setsid()
        time.sleep(60)
        print("ESCAPED: outlived the run", flush=True)
print("parent done", flush=True)
os._exit(0)
