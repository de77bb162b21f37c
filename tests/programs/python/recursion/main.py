import sys
from functools import lru_cache

sys.setrecursionlimit(5000)


def hanoi(n, a, b, c):
    if n == 0:
        return 0
    return hanoi(n - 1, a, c, b) + 1 + hanoi(n - 1, c, b, a)


def depth(n):
    return 0 if n == 0 else 1 + depth(n - 1)


@lru_cache(None)
def paths(x, y):
    return 1 if 0 in (x, y) else paths(x - 1, y) + paths(x, y - 1)


print(hanoi(10, "A", "B", "C"))
print(depth(4000))
print(paths(16, 16))


def forever(n):
    return forever(n + 1)


try:
    forever(0)
except RecursionError as error:
    print(type(error).__name__, str(error)[:32])
