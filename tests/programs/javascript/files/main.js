const fs = require("fs");
const os = require("os");
const path = require("path");

fs.writeFileSync("log.txt", "one\n");
fs.appendFileSync("log.txt", "två\n");
console.log(fs.readFileSync("log.txt", "utf8").split("\n"), fs.statSync("log.txt").size);
fs.mkdirSync("a/b/c", { recursive: true });
fs.writeFileSync("a/b/c/deep.json", JSON.stringify({ x: 1 }));
console.log(fs.readdirSync("a/b"), JSON.parse(fs.readFileSync("a/b/c/deep.json")));
fs.rmSync("a", { recursive: true });
console.log(fs.existsSync("a"));
const folder = fs.mkdtempSync(path.join(os.tmpdir(), "x-"));
fs.writeFileSync(path.join(folder, "f"), Buffer.from([0, 255, 10]));
console.log(fs.readFileSync(path.join(folder, "f")));
try {
  fs.readFileSync("missing.txt");
} catch (error) {
  console.log(error.code, error.message);
}
fs.promises.readFile("log.txt", "utf8").then(async (text) => {
  console.log(text.length);
  fs.createReadStream("log.txt").pipe(fs.createWriteStream("copy.txt")).on("finish", () => {
    console.log(fs.readFileSync("copy.txt").equals(fs.readFileSync("log.txt")));
  });
});
