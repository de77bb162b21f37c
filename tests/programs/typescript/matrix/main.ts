type Matrix = number[][];
const multiply = (a: Matrix, b: Matrix): Matrix =>
  a.map((row) => b[0].map((_, column) => row.reduce((sum, value, k) => sum + value * b[k][column], 0)));
const transpose = (matrix: Matrix): Matrix => matrix[0].map((_, column) => matrix.map((row) => row[column]));

const matrix: Matrix = Array.from({ length: 3 }, (_, r) => Array.from({ length: 4 }, (_, c) => r * 4 + c + 1));
for (const row of transpose(matrix)) console.log(row.join(" "));
console.log(multiply(matrix, transpose(matrix)));
const grid: (string | undefined)[][] = [["a", "b"], ["c", undefined]];
console.log(grid.flat().map((cell) => cell?.toUpperCase() ?? "-").join(""), grid.at(-1)?.at(0));
