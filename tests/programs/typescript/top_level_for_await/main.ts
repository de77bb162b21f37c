async function* numbers(): AsyncGenerator<number> {
  yield 1;
  yield 2;
}
for await (const number of numbers()) console.log(number);
export {};
