"""Prints every kind of byte: invalid UTF-8, NUL, terminal sequences."""

import os

print("attempted", flush=True)
os.write(1, bytes(range(256)) + b"\xff\xfe\x00\x00\xc3\x28\xed\xa0\x80\xf8\x88\x80\x80\x80")
os.write(2, b"\x1b]0;title\x07\x1b]8;;http://x\x1b\\link\x1b]8;;\x1b\\\x1b[2J\x1b[31m" + "\u202eabc\u2066".encode())
