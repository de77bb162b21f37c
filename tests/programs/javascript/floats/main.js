console.log(0.1 + 0.2, 1e21, 1e-7, 123456789012345680000, 1 / 3, 100.0, -0, [-0]);
console.log((2.5).toFixed(0), (1.005).toFixed(2), (1234.5678).toExponential(2), (0.00001).toPrecision(1));
console.log(Math.round(2.5), Math.round(-2.5), Math.trunc(-1.5), Math.floor(-1.5), Math.hypot(3, 4));
console.log(1 / 0, -1 / 0, 0 / 0, NaN === NaN, Object.is(0, -0), Number.EPSILON);
console.log((1234567.891).toLocaleString("en-US"), (1234567.891).toLocaleString("de-DE"));
console.log(new Intl.NumberFormat("en-US", { style: "currency", currency: "EUR" }).format(12.5));
console.log(Math.max(), Math.min(), Math.sign(-3), Math.cbrt(27), Math.log2(1024), Math.fround(0.1));
console.log(parseFloat("3.14abc"), Number(""), Number(" 12 "), +"1e3", Number(null), Number(undefined));
