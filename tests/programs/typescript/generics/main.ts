class Stack<T> {
  private readonly items: T[] = [];
  push(...items: T[]): this {
    this.items.push(...items);
    return this;
  }
  pop(): T | undefined {
    return this.items.pop();
  }
  get size(): number {
    return this.items.length;
  }
  *[Symbol.iterator](): IterableIterator<T> {
    yield* [...this.items].reverse();
  }
}

function group<T, K extends PropertyKey>(items: readonly T[], key: (item: T) => K): Record<K, T[]> {
  const groups = {} as Record<K, T[]>;
  for (const item of items) (groups[key(item)] ??= []).push(item);
  return groups;
}

type Option<T> = { kind: "some"; value: T } | { kind: "none" };
const map = <A, B>(option: Option<A>, f: (value: A) => B): Option<B> =>
  option.kind === "some" ? { kind: "some", value: f(option.value) } : option;

const stack = new Stack<number>().push(1, 2, 3);
console.log(stack.pop(), stack.size, [...stack]);
console.log(group(["apple", "avocado", "pear"], (word) => word[0]));
console.log(map({ kind: "some", value: 4 }, (n) => "*".repeat(n)), map<number, number>({ kind: "none" }, (n) => n));
type Partially<T> = { [K in keyof T]?: T[K] };
const half: Partially<{ a: number; b: string }> = { b: "x" };
console.log(half, ((pair: [string, ...number[]]) => pair.length)(["a", 1, 2]));
