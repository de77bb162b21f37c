function first(words: string[]): string | undefined {
  return words[0];
}

console.log(first(["a"]).length);
function untyped(value) {
  return value;
}
