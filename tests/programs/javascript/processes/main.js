const { execFileSync, spawn, spawnSync, fork } = require("child_process");

if (process.send) {
  process.on("message", (number) => {
    process.send(number * 2);
    process.disconnect();
  });
} else {
  console.log(execFileSync("sh", ["-c", "echo $((6 * 7))"]).toString().trim());
  console.log(spawnSync("sh", ["-c", "exit 5"]).status);
  const sort = spawn("sort", ["-n"]);
  let sorted = "";
  sort.stdout.on("data", (piece) => (sorted += piece));
  sort.on("close", (code) => {
    console.log(sorted.split("\n"), code);
    const child = fork(__filename);
    child.on("message", (answer) => console.log("child says", answer)).send(21);
    child.on("exit", (status) => console.log("child ended with", status));
  });
  sort.stdin.end("10\n9\n100\n");
}
