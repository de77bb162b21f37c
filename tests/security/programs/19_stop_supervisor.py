"""Stops everybody there is, then sleeps, in the hope that nobody looks at the clock any more."""

import os
import time

print("attempted", flush=True)
for target in (os.getppid(), 1, -1):
    try:
        os.kill(target, 19)
    except OSError:
        pass
print("still here", flush=True)
time.sleep(3600)
