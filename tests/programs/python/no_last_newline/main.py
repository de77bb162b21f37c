lines = []
while True:
    try:
        lines.append(input())
    except EOFError:
        break
print(lines)
print("last:", repr(lines[-1]), end="")
