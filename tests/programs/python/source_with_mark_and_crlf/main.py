name = "Åsa"
if name:
    print("hello", name)
text = """two
lines"""
print(repr(text))
