"""Makes empty files for ever, wherever files can be made."""

import sys

print("attempted", flush=True)
refused = 0
for place in ("/work", "/tmp", "/dev/shm"):
    try:
        for number in range(200_000):
            open(f"{place}/{number}", "x").close()
        print("ESCAPED: made them all in", place, flush=True)
    except OSError as error:
        refused += 1
        print(error.errno, number, flush=True)
sys.exit(refused)
