"""Writes single bytes to both streams in turn, the alphabet over and over, so that their order shows."""

import os

print("attempted", flush=True)
number = 0
while True:
    letter = b"%c" % (97 + number % 26)
    os.write(1, letter)
    os.write(2, letter)
    number += 1
