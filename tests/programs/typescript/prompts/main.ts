import * as readline from "readline";

const rl = readline.createInterface({ input: process.stdin, output: process.stdout });
rl.question("What is your name? ", (name) => {
  rl.question("How old are you? ", (age) => {
    console.log();
    console.log("Hello, " + name + "!");
    console.log("Next year you will be", Number(age) + 1);
    rl.close();
  });
});
