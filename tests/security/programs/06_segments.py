"""Fills System V segments and lets go of them: memory that stays and that no process has mapped."""

import ctypes
import sys

LENGTH = 64 << 20
MOST = 384 << 20

libc = ctypes.CDLL(None, use_errno=True)
libc.shmat.restype = ctypes.c_void_p
print("attempted", flush=True)
filled = 0
while filled < MOST:
    segment = libc.shmget(0, ctypes.c_size_t(LENGTH), 0o1600)
    place = libc.shmat(segment, None, 0) if segment >= 0 else None
    if place in (None, ctypes.c_void_p(-1).value):
        print("refused after", filled, flush=True)
        sys.exit(1)
    ctypes.memset(place, 1, LENGTH)
    libc.shmdt(ctypes.c_void_p(place))
    filled += LENGTH
print("ESCAPED: holds", filled, flush=True)
