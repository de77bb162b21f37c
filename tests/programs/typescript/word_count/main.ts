import { readFileSync } from "node:fs";

const text: string = readFileSync(0, "utf8");
const counts: Map<string, number> = new Map();
for (const word of text.toLowerCase().match(/\p{L}+/gu) ?? []) counts.set(word, (counts.get(word) ?? 0) + 1);
const best: [string, number][] = [...counts].sort(([a, m], [b, n]) => n - m || (a < b ? -1 : 1)).slice(0, 4);
for (const [word, count] of best) console.log(word.padEnd(10, ".") + count);
console.log(new Set(counts.values()), Object.fromEntries(best));
