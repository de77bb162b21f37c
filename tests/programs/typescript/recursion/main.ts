const hanoi = (n: number, a: string, b: string, c: string): number =>
  n === 0 ? 0 : hanoi(n - 1, a, c, b) + 1 + hanoi(n - 1, c, b, a);
console.log(hanoi(12, "A", "B", "C"));

type Tree<T> = { value: T; left?: Tree<T>; right?: Tree<T> };
function insert<T>(tree: Tree<T> | undefined, value: T): Tree<T> {
  if (!tree) return { value };
  return value < tree.value
    ? { ...tree, left: insert(tree.left, value) }
    : { ...tree, right: insert(tree.right, value) };
}
const inOrder = <T>(tree?: Tree<T>): T[] => (tree ? [...inOrder(tree.left), tree.value, ...inOrder(tree.right)] : []);
console.log(inOrder([5, 2, 8, 1, 9, 3].reduce<Tree<number> | undefined>(insert, undefined)));
const depth = (n: number): number => (n === 0 ? 0 : 1 + depth(n - 1));
console.log(depth(5000));
try {
  (function forever(): void { forever(); })();
} catch (error) {
  console.log(error instanceof RangeError);
}
