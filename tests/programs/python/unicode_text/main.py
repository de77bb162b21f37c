import unicodedata

text = input()
print(len(text), len(text.encode()))
print(text[::-1])
print(text.upper(), "straße".upper(), "ΣΟΦΟΣ".lower())
print(sorted("éeèzaê"))
for letter in input():
    print(f"U+{ord(letter):04X}", unicodedata.name(letter))
print(unicodedata.normalize("NFC", "e\u0301") == "é")
