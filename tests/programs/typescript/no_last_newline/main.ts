import * as fs from "fs";

const lines: string[] = fs.readFileSync(0).toString().split("\n");
console.log(lines);
process.stdout.write("last: " + lines[lines.length - 1]);
