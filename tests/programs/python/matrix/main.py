n, m = map(int, input().split())
matrix = [list(map(int, input().split())) for _ in range(n)]
for row in zip(*matrix):
    print(*row)
print("diagonal", sum(matrix[i][i] for i in range(min(n, m))))
product = [[sum(a * b for a, b in zip(row, other)) for other in matrix] for row in matrix]
for row in product:
    print(" ".join(f"{value:4d}" for value in row))
seen, (top, left, bottom, right) = [], (0, 0, n - 1, m - 1)
while top <= bottom and left <= right:
    seen += [matrix[top][c] for c in range(left, right + 1)]
    seen += [matrix[r][right] for r in range(top + 1, bottom + 1)]
    if top < bottom and left < right:
        seen += [matrix[bottom][c] for c in range(right - 1, left - 1, -1)]
        seen += [matrix[r][left] for r in range(bottom - 1, top, -1)]
    top, left, bottom, right = top + 1, left + 1, bottom - 1, right - 1
print(seen)
