import { readFileSync } from "fs";

const raw: Uint8Array = readFileSync(0);
console.log(raw.length, Array.from(raw).map((byte) => byte.toString(16)).join(" "));
const text: string = String(readFileSync("notes.txt"));
console.log(JSON.stringify(text), parseInt(text, 10), text.charCodeAt(0) === 0xfeff);
