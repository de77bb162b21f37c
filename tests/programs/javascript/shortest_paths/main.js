const lines = require("fs").readFileSync(0, "utf8").trim().split("\n");
const [nodes, edges] = lines[0].split(" ").map(Number);
const graph = Array.from({ length: nodes + 1 }, () => []);
for (let i = 1; i <= edges; i++) {
  const [a, b, cost] = lines[i].split(" ").map(Number);
  graph[a].push([b, cost]);
  graph[b].push([a, cost]);
}
const distance = new Array(nodes + 1).fill(Infinity);
distance[1] = 0;
const open = new Set(graph.keys());
while (open.size) {
  let nearest = -1;
  for (const node of open) if (nearest < 0 || distance[node] < distance[nearest]) nearest = node;
  open.delete(nearest);
  for (const [other, cost] of graph[nearest]) distance[other] = Math.min(distance[other], distance[nearest] + cost);
}
console.log(distance.slice(1));
