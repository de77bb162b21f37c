import math

print(math.factorial(30))
print(2 ** 200)
print(pow(3, 10 ** 18, 10 ** 9 + 7))
print(-7 // 2, -7 % 2, divmod(-7, 2), int(-7 / 2))
print(hex(2 ** 70), bin(10), oct(64), int("ff", 16), int("-0b101", 0))
print((10 ** 40 + 1).bit_length(), math.isqrt(10 ** 41), math.gcd(2 ** 40 * 3, 6 ** 20))
print(f"{10 ** 12:,} {2 ** 33:_}")
print(sum(int(digit) for digit in str(2 ** 1000)))
try:
    int("9" * 5000)
except ValueError as error:
    print(str(error)[:40])
