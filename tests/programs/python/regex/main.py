import re
import sys

text = sys.stdin.read()
print(re.findall(r"\b[\w.]+@[\w.]+\.\w+\b", text))
for match in re.finditer(r"(?P<year>\d{4})-(?P<month>\d\d)-(?P<day>\d\d)", text):
    print(match.group(0), match.span(), match.groupdict())
print(re.sub(r"(\w+) (\w+)", r"\2 \1", "hello world again there"))
print(re.split(r"[,;]\s*", "a, b;c,d"))
print(re.match(r"(a+)+b", "a" * 20), re.fullmatch(r"[äöü]+", "öüä") is not None)
print(re.sub(r"\d+", lambda m: str(int(m[0]) * 2), "3 apples, 12 pears"))
