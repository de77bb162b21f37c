import sys

balance = 100
for line in sys.stdin:
    amount = int(line)
    if amount > balance:
        print("not enough money:", balance, "left", file=sys.stderr)
        sys.exit(3)
    balance -= amount
    print("paid", amount)
print("done")
