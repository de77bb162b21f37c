import { readFileSync } from "fs";

let balance: number = 100;
const lines: string[] = readFileSync(0, "utf8").split("\n");
for (const line of lines) {
  if (line === "") continue;
  const amount: number = Number(line);
  if (amount > balance) {
    console.error(`not enough money: ${balance} left`);
    process.exit(3);
  }
  balance -= amount;
  console.log("paid", amount);
}
console.log("done");
