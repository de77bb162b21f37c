let factorial: bigint = 1n;
for (let n = 1n; n <= 30n; n++) factorial *= n;
console.log(factorial, (2n ** 200n).toString());
console.log(-7n / 2n, -7n % 2n, BigInt("0xff"), (2n ** 70n).toString(16), BigInt.asUintN(64, -1n));
console.log(Number.MAX_SAFE_INTEGER, 2 ** 53 + 1, (2 ** 31) | 0, -1 >>> 0, (7 / 2) | 0);
function power(base: bigint, exponent: bigint, modulus: bigint): bigint {
  let result = 1n;
  for (base %= modulus; exponent > 0n; exponent >>= 1n, base = (base * base) % modulus) {
    if (exponent & 1n) result = (result * base) % modulus;
  }
  return result;
}
console.log(power(3n, 10n ** 18n, 1_000_000_007n));
