function counter() {
  let count = 0;
  return (by = 1) => (count += by);
}
const step = counter();
step();
step(5);
console.log(step());

const compose = (...functions) => (x) => functions.reduceRight((value, f) => f(value), x);
const curry = (f, ...given) => (given.length >= f.length ? f(...given) : (...more) => curry(f, ...given, ...more));
console.log(compose((x) => x + 1, (x) => x * 10)(4), curry((a, b, c) => a + b + c)(1)(2, 3));

function* fibonacci() {
  let [a, b] = [0, 1];
  for (;;) {
    const reset = yield a;
    [a, b] = reset ? [0, 1] : [b, a + b];
  }
}
const numbers = fibonacci();
console.log(Array.from({ length: 12 }, () => numbers.next().value).join(" "), numbers.next(true).value);

var functions = [];
for (var i = 0; i < 3; i++) functions.push(() => i);
for (let j = 0; j < 3; j++) functions.push(() => j);
console.log(functions.map((f) => f()));

const spied = new Proxy({ a: 1 }, { get: (target, key) => (key in target ? target[key] : `no ${String(key)}`) });
console.log(spied.a, spied.b);
const { x = 1, y: { z = 2, ...others } = {}, ...rest } = { y: { w: 5 }, q: 6 };
console.log(x, z, others, rest, rest?.none?.deeper ?? "nothing");
const tag = (parts, ...values) => parts.raw.join("|") + values.join(",");
console.log(tag`a${1}b\n${2}`);
outer: for (const a of [1, 2, 3]) for (const b of [1, 2, 3]) {
  if (b === a) continue outer;
  if (a === 3) break outer;
  console.log(a, b);
}
