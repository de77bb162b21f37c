"""Chooses the processor that it runs on, which would let it sit beside a neighbour of its choice."""

import os

print("attempted", flush=True)
try:
    os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    print("ESCAPED: chose", os.sched_getaffinity(0), flush=True)
except PermissionError:
    print("refused", flush=True)
