"""Sixteen processes fill as many pipes as they may, each as large as it may be: memory of the kernel's."""

import fcntl
import os
import time

KERNEL_ALLOWS = 192 << 20

print("attempted", flush=True)
told, tell = os.pipe()
for _ in range(16):
    if os.fork():
        continue
    filled = 0
    try:
        while True:
            _, end = os.pipe()
            try:
                fcntl.fcntl(end, fcntl.F_SETPIPE_SZ, 1 << 20)
            except OSError:
                pass
            os.set_blocking(end, False)
            try:
                while True:
                    filled += os.write(end, bytes(1 << 16))
            except BlockingIOError:
                pass
    except OSError:
        os.write(tell, b"%d\n" % filled)
        time.sleep(60)
os.close(tell)
filled = 0
with os.fdopen(told) as telling:
    for _ in range(16):
        filled += int(telling.readline())
        print("filled", filled, flush=True)
if filled > KERNEL_ALLOWS:
    print("ESCAPED: holds", filled, flush=True)
os._exit(0)
