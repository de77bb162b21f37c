"""Writes to stderr for ever, without a newline."""

import os

print("attempted", flush=True)
while True:
    os.write(2, b"e" * 4096)
