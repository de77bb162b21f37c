"""Fills /dev/shm, /tmp and the work directory."""

import sys

print("attempted", flush=True)
filled, refused = 0, 0
for place in ("/dev/shm", "/tmp", "/work"):
    for number in range(64):
        try:
            with open(f"{place}/{number}", "wb", buffering=0) as file:
                while True:
                    filled += file.write(bytes(1 << 20))
        except OSError as error:
            refused += 1
            if error.errno == 28:
                break
    if filled > 64 << 20:
        print("ESCAPED: holds", filled, flush=True)
print("refused", refused, "holds", filled, flush=True)
sys.exit(1 if refused else 0)
