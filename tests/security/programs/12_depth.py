"""Makes a directory in a directory, five thousand deep."""

import os

print("attempted", flush=True)
for _ in range(5000):
    os.mkdir("a")
    os.chdir("a")
print("ESCAPED: made them all", flush=True)
