import { load } from "./loader.js";

const names: string[] = await load(["a", "b"]);
console.log(names);
for (const name of names) console.log(await Promise.resolve(name + "!"));
export {};
