import readline from "node:readline";

async function main(): Promise<void> {
  let number = 0;
  for await (const line of readline.createInterface({ input: process.stdin })) {
    number++;
    console.log(`${number}: ${line.trim()}`);
  }
}

main().then(() => console.log("end"));
