import sys

numbers = [int(word) for line in sys.stdin for word in line.split()]
print(len(numbers), sum(numbers), min(numbers), max(numbers))
print("mean %.3f" % (sum(numbers) / len(numbers)))
