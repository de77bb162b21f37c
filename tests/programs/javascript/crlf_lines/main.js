const readline = require("readline");
const rl = readline.createInterface({ input: process.stdin, crlfDelay: Infinity });
const rows = [];
rl.on("line", (line) => rows.push(line.split(";")));
rl.on("close", () => {
  console.log(JSON.stringify(rows));
  console.log("total", rows.slice(1).reduce((sum, row) => sum + Number(row[1]), 0));
});
