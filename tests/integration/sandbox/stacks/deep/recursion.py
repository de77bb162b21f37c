# Through C at every call, which is what takes the interpreter's own stack.
import sys
from functools import lru_cache

sys.setrecursionlimit(10**6)


@lru_cache(None)
def down(n):
    return n and down(n - 1) + 1


if down(30_000) == 30_000:
    print("well")
