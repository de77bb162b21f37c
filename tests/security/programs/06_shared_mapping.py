"""Touches every page of a shared anonymous mapping that is eight times as long as the limit."""

import mmap

LENGTH = 1 << 30

print("attempted", flush=True)
mapped = mmap.mmap(-1, LENGTH, flags=mmap.MAP_SHARED | mmap.MAP_ANONYMOUS)
for place in range(0, LENGTH, 4096):
    mapped[place] = 1
print("ESCAPED: holds", LENGTH, flush=True)
