"""Prints for ever."""

print("attempted", flush=True)
while True:
    print("x" * 1000)
