function* fibonacci(): Generator<number, void, unknown> {
  let [a, b] = [0, 1];
  for (;;) {
    yield a;
    [a, b] = [b, a + b];
  }
}
function take<T>(count: number, source: Iterable<T>): T[] {
  const taken: T[] = [];
  for (const item of source) {
    if (taken.length === count) break;
    taken.push(item);
  }
  return taken;
}
async function* slowly<T>(items: T[]): AsyncGenerator<T> {
  for (const item of items) yield await Promise.resolve(item);
}
const memoize = <A extends number, R>(f: (a: A) => R): ((a: A) => R) => {
  const known = new Map<A, R>();
  return (a) => {
    if (!known.has(a)) known.set(a, f(a));
    return known.get(a)!;
  };
};
const fib: (n: number) => bigint = memoize((n: number) => (n < 2 ? BigInt(n) : fib(n - 1) + fib(n - 2)));

(async () => {
  console.log(take(12, fibonacci()).join(" "), fib(100));
  for await (const item of slowly(["a", "b"])) console.log(item);
  let { x = 1, ...rest }: { x?: number; y: number; z: number } = { y: 2, z: 3 };
  x += 1;
  console.log(x, rest, ((...all: number[]) => all.length)(...[1, 2], 3));
})();
