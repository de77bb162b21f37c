const values: number[] = [0.1 + 0.2, 1e21, 1e-7, 1 / 3, 100.0, -0, 1 / 0, 0 / 0];
console.log(values);
console.log((2.5).toFixed(0), (1.005).toFixed(2), (1234.5678).toExponential(2), (0.00001).toPrecision(1));
console.log(Math.round(2.5), Math.round(-2.5), Math.trunc(-1.5), Math.hypot(3, 4), Number.EPSILON);
console.log((1234567.891).toLocaleString("en-US"), new Intl.NumberFormat("de-DE").format(1234.5));
const total: number = [0.1, 0.2, 0.3].reduce((a: number, b: number): number => a + b);
console.log(total, total === 0.6, Math.abs(total - 0.6) < 1e-9, parseFloat("3.14abc"), Number(""));
