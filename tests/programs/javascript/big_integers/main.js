let factorial = 1n;
for (let n = 1n; n <= 30n; n++) factorial *= n;
console.log(factorial, String(2n ** 200n));
console.log(-7n / 2n, -7n % 2n, BigInt("0xff"), (2n ** 70n).toString(16), 5n > 4, 2n == 2);
console.log(Number.MAX_SAFE_INTEGER, 2 ** 53 + 1, 2 ** 31 | 0, -1 >>> 0, 7 / 2 | 0, -7 % 3);
const power = (base, exponent, modulus) => {
  let result = 1n;
  for (base %= modulus; exponent > 0n; exponent >>= 1n, base = (base * base) % modulus)
    if (exponent & 1n) result = (result * base) % modulus;
  return result;
};
console.log(power(3n, 10n ** 18n, 1000000007n));
console.log(BigInt.asUintN(64, -1n), parseInt("101", 2), (255).toString(2), Number("12px"), parseInt("12px"));
try {
  1n + 1;
} catch (error) {
  console.log(error.message);
}
