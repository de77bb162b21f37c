"""Four children take two fifths of the limit each; none alone is above it."""

import os
import time

LIMIT = 128 << 20

print("attempted", flush=True)
children = []
for _ in range(4):
    child = os.fork()
    if child == 0:
        taken = bytearray(b"x" * (LIMIT * 2 // 5))
        time.sleep(1)
        os._exit(len(taken) == 0)
    children.append(child)
codes = [os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children]
print("codes", codes, flush=True)
if codes == [0] * 4:
    print("ESCAPED: all four lived", flush=True)
