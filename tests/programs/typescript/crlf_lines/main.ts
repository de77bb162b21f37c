import { readFileSync } from "fs";

const lines: string[] = readFileSync("/dev/stdin", "utf-8").split(/\r?\n/);
const rows: string[][] = lines.filter((line) => line !== "").map((line) => line.split(";"));
console.log(JSON.stringify(rows));
console.log("total", rows.slice(1).reduce((sum, [, amount]) => sum + Number(amount), 0));
