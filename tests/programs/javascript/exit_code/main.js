const lines = require("fs").readFileSync(0, "utf8").split("\n");
let balance = 100;
for (const line of lines) {
  if (line === "") continue;
  const amount = Number(line);
  if (amount > balance) {
    console.error(`not enough money: ${balance} left`);
    process.exit(3);
  }
  balance -= amount;
  console.log("paid", amount);
}
console.log("done");
