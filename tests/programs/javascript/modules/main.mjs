import fs, { readFileSync } from "fs";
import { readFile } from "node:fs/promises";
import { createRequire } from "module";
import add, { count, increment as step } from "./counter.mjs";
import * as all from "./counter.mjs";

console.log(add(2, 3), count);
step();
console.log(count, Object.keys(all), typeof require);
const { default: again } = await import("./counter.mjs");
console.log(again === add, createRequire(import.meta.url)("./data.json"));
console.log((await readFile(new URL("./data.json", import.meta.url), "utf8")).trim(), fs.readFileSync === readFileSync);
for await (const value of [Promise.resolve("a"), "b"]) console.log(value);
