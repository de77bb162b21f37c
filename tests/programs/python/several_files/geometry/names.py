def describe(shape):
    return f"{type(shape).__name__:>8}: {shape.area():.2f}"
