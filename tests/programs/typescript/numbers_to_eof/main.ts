import * as fs from "fs";

const text: string = fs.readFileSync(0, "utf8");
const numbers: number[] = text.split(/\s+/).filter((word) => word.length > 0).map(Number);
const sum: number = numbers.reduce((a, b) => a + b, 0);
console.log(numbers.length, sum, Math.min(...numbers), Math.max(...numbers));
console.log("mean " + (sum / numbers.length).toFixed(3));
