const words = require("fs").readFileSync(0, "utf8").toLowerCase().match(/\p{L}+/gu);
const counts = new Map();
for (const word of words) counts.set(word, (counts.get(word) ?? 0) + 1);
const best = [...counts].sort(([a, m], [b, n]) => n - m || (a < b ? -1 : 1)).slice(0, 4);
for (const [word, count] of best) console.log(word.padEnd(10, ".") + count);
console.log(counts);
console.log(new Set(words).size, Object.fromEntries(best), Object.entries({ b: 1, 2: "two", a: 3, 1: "one" }));
const byLength = words.reduce((all, word) => ({ ...all, [word.length]: [...(all[word.length] ?? []), word] }), {});
console.log(Object.keys(byLength), byLength[2]);
