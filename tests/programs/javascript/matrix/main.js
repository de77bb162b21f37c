const [[n, m], ...matrix] = require("fs").readFileSync(0, "utf8").trim().split("\n").map((l) => l.split(" ").map(Number));
const transposed = matrix[0].map((_, column) => matrix.map((row) => row[column]));
for (const row of transposed) console.log(row.join(" "));
const product = matrix.map((row) => transposed[0].map((_, c) => row.reduce((s, v, k) => s + v * matrix[c][k], 0)));
console.log(product);
console.log(product.flat().length, n * m, new Array(2).fill(0).map(() => new Array(3).fill(null)));
console.log(matrix.map((row) => row.map((v) => String(v).padStart(3)).join("")).join("\n"));
