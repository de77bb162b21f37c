"""Writes a report of success to every descriptor that it might have been left, then fails."""

import os
import sys

report = b'{"status": 0, "cpu_ms": 0, "kept": false, "too_long": false}'
print("attempted", flush=True)
for descriptor in range(3, 256):
    try:
        os.write(descriptor, report)
        print("ESCAPED: wrote to", descriptor, os.readlink(f"/proc/self/fd/{descriptor}"), flush=True)
    except OSError:
        pass
for process in ("1", str(os.getppid())):
    for place in ("fd", "task", "map_files"):
        try:
            for name in os.listdir(f"/proc/{process}/{place}"):
                with open(f"/proc/{process}/{place}/{name}", "wb") as file:
                    file.write(report)
                    print("ESCAPED: wrote to", process, name, flush=True)
        except OSError:
            pass
sys.exit(9)
