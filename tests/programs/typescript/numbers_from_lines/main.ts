import * as fs from "fs";

const rows = fs.readFileSync(0, "utf8").trim().split("\n").map((line) => line.split(" ").map((x) => Number(x)));
const sums = rows.map((row) => row.reduce((a, b) => a + b));
console.log(sums, Buffer.from("x").toString("base64"), typeof fetch, AbortSignal.abort().aborted);
