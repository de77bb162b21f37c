"""Eight processes fork children that end at once, so that whoever looks at them finds them gone."""

import os
import time

print("attempted", flush=True)
until = time.monotonic() + 0.8
for _ in range(8):
    if os.fork() == 0:
        while time.monotonic() < until:
            child = os.fork()
            if child == 0:
                os._exit(0)
            os.waitpid(child, 0)
        os._exit(0)
for _ in range(8):
    os.wait()
print("done", flush=True)
