import { createInterface } from "readline";

const rl = createInterface({ input: process.stdin });
let number = 0;
let longest = "";
rl.on("line", (line) => {
  number++;
  if (line.length > longest.length) longest = line;
});
rl.on("close", () => console.log(number, "lines, the longest is", JSON.stringify(longest)));
process.on("exit", (code) => console.log("exit", code));
