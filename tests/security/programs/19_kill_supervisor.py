"""Sends every signal to everybody there is, then goes on for ever."""

import os

print("attempted", flush=True)
me, killed = os.getpid(), []
for number in (9, *range(1, 65)):
    for target in {os.getppid(), 1, *range(2, 300)} - {me}:
        try:
            os.kill(target, number)
        except (OSError, ValueError):
            continue
        if target not in {1, os.getppid()}:
            killed.append(target)
try:
    os.kill(-1, 9)
except OSError:
    pass
print("still here", killed, os.getppid(), flush=True)
while True:
    pass
