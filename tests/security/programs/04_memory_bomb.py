"""Takes memory and touches it, a mebibyte at a time."""

print("attempted", flush=True)
held = []
while True:
    held.append(bytearray(b"x" * (1 << 20)))
    if len(held) >= 1024:
        print("ESCAPED: holds a gibibyte", flush=True)
        break
