import io
import sys

raw = sys.stdin.buffer.read()
print(raw[:3].hex(), len(raw))
text = raw.decode("utf-8-sig")
print([ord(letter) for letter in text.splitlines()[0]])
plain = io.TextIOWrapper(io.BytesIO(raw), encoding="utf-8").readline()
print(ascii(plain))
