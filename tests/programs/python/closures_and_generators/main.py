import itertools
from contextlib import contextmanager
from functools import partial, reduce, wraps


def counter():
    count = 0

    def step(by=1):
        nonlocal count
        count += by
        return count

    return step


def logged(function):
    @wraps(function)
    def call(*args):
        result = function(*args)
        print(f"{function.__name__}{args} -> {result}")
        return result

    return call


@logged
def add(a, b):
    return a + b


def fibonacci():
    a, b = 0, 1
    while True:
        yield a
        a, b = b, a + b


@contextmanager
def section(name):
    print("<" + name + ">")
    try:
        yield name.upper()
    finally:
        print("</" + name + ">")


step = counter()
step(), step(5)
print(step())
add(2, 3)
print(list(itertools.islice(fibonacci(), 12)))
with section("body") as title:
    print(title)
print([f() for f in [lambda: i for i in range(3)]], [f() for f in [lambda i=i: i for i in range(3)]])
print(reduce(lambda a, b: a * b, range(1, 6)), partial(pow, 2)(10))
print([(k, len(list(g))) for k, g in itertools.groupby("aaabccd")])
print(list(itertools.combinations("abc", 2)), [*zip(*[(1, 2), (3, 4)])])
