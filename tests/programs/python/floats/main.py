import decimal
import fractions
import math

print(0.1 + 0.2, 1e16, 1e-5, 1 / 3, 100.0, 2.5e300 * 1e10)
print(round(2.5), round(3.5), round(-1.5), round(2.675, 2))
print(f"{math.pi:.4f} {math.e:10.3e} {0.5:%} {1234567.891:,.1f} {3.0:g}")
print(float("inf"), -float("inf"), float("nan"), math.inf - math.inf)
print(float("nan") == float("nan"), 0.0 == -0.0, -0.0)
print(math.floor(-1.5), math.ceil(-1.5), math.trunc(-1.5), -1.5 // 1)
print(math.isclose(0.1 + 0.2, 0.3), math.fsum([0.1] * 10))
print(fractions.Fraction(3, 4) + fractions.Fraction("0.2"))
decimal.getcontext().prec = 30
print(decimal.Decimal(1) / 7, decimal.Decimal("1.10") + decimal.Decimal("2.2"))
print((0.1).hex(), complex(1, -2) * 1j, abs(3 + 4j))
