const hanoi = (n, a, b, c) => (n === 0 ? 0 : hanoi(n - 1, a, c, b) + 1 + hanoi(n - 1, c, b, a));
console.log(hanoi(12, "A", "B", "C"));

const memo = new Map();
function paths(x, y) {
  if (x === 0 || y === 0) return 1;
  const key = x * 100 + y;
  if (!memo.has(key)) memo.set(key, paths(x - 1, y) + paths(x, y - 1));
  return memo.get(key);
}
console.log(paths(16, 16));

function permutations(items) {
  if (items.length < 2) return [items];
  return items.flatMap((item, i) => permutations(items.filter((_, j) => j !== i)).map((rest) => [item, ...rest]));
}
console.log(permutations([1, 2, 3]).map((each) => each.join("")).join(" "), permutations([..."abcdef"]).length);

const depth = (n) => (n === 0 ? 0 : 1 + depth(n - 1));
console.log(depth(5000));
try {
  (function forever() { forever(); })();
} catch (error) {
  console.log(error instanceof RangeError, error.message);
}
