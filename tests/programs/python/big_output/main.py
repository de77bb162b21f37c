for row in range(1, 2501):
    print(row, row * row, "-" * (row % 60))
