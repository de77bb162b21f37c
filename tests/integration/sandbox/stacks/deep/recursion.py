# Through C at every call, which is what takes the interpreter's own stack. Python 3.12 and 3.13 count such calls
# and refuse more than some thousand, however large the stack is.
import sys
from functools import lru_cache

sys.setrecursionlimit(10**6)


@lru_cache(None)
def down(n):
    return n and down(n - 1) + 1


deepest = 3_000 if (3, 12) <= sys.version_info < (3, 14) else 30_000
if down(deepest) == deepest:
    print("well")
