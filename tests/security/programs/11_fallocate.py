"""Reserves room without writing."""

import os

print("attempted", flush=True)
with open("x", "wb") as file:
    os.posix_fallocate(file.fileno(), 0, 1 << 30)
print("ESCAPED: has a gibibyte", flush=True)
