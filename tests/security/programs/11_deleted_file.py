"""Fills a file that has no name any more, then another, for as long as there is room."""

import os
import sys

DISK = 16 << 20

print("attempted", flush=True)
held, filled = [], 0
try:
    for _ in range(100):
        held.append(open("x", "wb", buffering=0))
        os.unlink("x")
        try:
            while True:
                filled += held[-1].write(bytes(1 << 20))
        except OSError as error:
            if error.errno != 27:
                raise
finally:
    if filled > DISK:
        print("ESCAPED: holds", filled, flush=True)
    else:
        print("holds", filled, flush=True)
sys.exit(0)
