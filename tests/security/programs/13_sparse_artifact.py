"""Leaves a file that is very long and holds nothing; argv[1] is the longest that is allowed."""

import os
import sys

print("attempted", flush=True)
for length in (1 << 50, int(sys.argv[1])):
    try:
        with open("out.bin", "wb") as file:
            file.truncate(length)
        break
    except OSError as error:
        print("refused", error, flush=True)
print("length", os.stat("out.bin").st_size, "blocks", os.stat("out.bin").st_blocks, flush=True)
