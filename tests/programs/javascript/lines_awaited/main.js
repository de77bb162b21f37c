const readline = require("readline");

async function main() {
  let number = 0;
  for await (const line of readline.createInterface({ input: process.stdin })) {
    number++;
    await new Promise((done) => setImmediate(done));
    console.log(`${number}: ${line.trim()}`);
  }
  console.log("end after", number);
}

main();
