"""Writes characters of up to four bytes in halves, with a pause between, and two hundred thousand bytes of one line."""

import os
import time

print("attempted", flush=True)
for character in ("🦀", "é", "語", "🏔"):
    encoded = character.encode()
    for cut in range(1, len(encoded)):
        os.write(1, encoded[:cut])
        time.sleep(0.06)
        os.write(1, encoded[cut:])
os.write(1, ("🦀" + "語é🦀" * 22_000).encode())
