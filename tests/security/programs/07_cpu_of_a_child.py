"""Burns time in a child, and itself only waits for it."""

import os

print("attempted", flush=True)
child = os.fork()
if child == 0:
    while True:
        pass
os.waitpid(child, 0)
