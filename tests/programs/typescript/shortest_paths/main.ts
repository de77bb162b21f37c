class Heap<T> {
  private items: T[] = [];
  constructor(private readonly before: (a: T, b: T) => boolean) {}
  get size(): number { return this.items.length; }
  push(item: T): void {
    let at = this.items.push(item) - 1;
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if (!this.before(this.items[at], this.items[parent])) break;
      [this.items[at], this.items[parent]] = [this.items[parent], this.items[at]];
      at = parent;
    }
  }
  pop(): T {
    const top = this.items[0];
    const last = this.items.pop()!;
    if (this.items.length > 0) {
      this.items[0] = last;
      for (let at = 0; ; ) {
        let least = at;
        for (const child of [2 * at + 1, 2 * at + 2]) {
          if (child < this.items.length && this.before(this.items[child], this.items[least])) least = child;
        }
        if (least === at) break;
        [this.items[at], this.items[least]] = [this.items[least], this.items[at]];
        at = least;
      }
    }
    return top;
  }
}

const edges: [number, number, number][] = [[1, 2, 7], [1, 3, 9], [2, 4, 15], [3, 4, 11], [3, 5, 2], [5, 4, 6]];
const graph: Map<number, [number, number][]> = new Map([1, 2, 3, 4, 5, 6].map((node) => [node, []]));
for (const [a, b, cost] of edges) {
  graph.get(a)!.push([b, cost]);
  graph.get(b)!.push([a, cost]);
}
const distance: Record<number, number> = { 1: 0 };
const heap = new Heap<[number, number]>((a, b) => a[0] < b[0]);
heap.push([0, 1]);
while (heap.size > 0) {
  const [far, node] = heap.pop();
  if (far > distance[node]) continue;
  for (const [other, cost] of graph.get(node)!) {
    if (far + cost < (distance[other] ?? Infinity)) {
      distance[other] = far + cost;
      heap.push([far + cost, other]);
    }
  }
}
console.log(distance);
