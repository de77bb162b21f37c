import * as fs from "fs";
import * as os from "os";
import * as path from "path";

fs.writeFileSync("log.txt", "one\n");
fs.appendFileSync("log.txt", "två\n");
const lines: string[] = fs.readFileSync("log.txt", "utf8").split("\n");
console.log(lines, fs.statSync("log.txt").size);
fs.mkdirSync("a/b/c", { recursive: true });
fs.writeFileSync("a/b/c/deep.json", JSON.stringify({ x: 1 }));
console.log(fs.readdirSync("a/b"), JSON.parse(fs.readFileSync("a/b/c/deep.json", "utf8")));
fs.rmSync("a", { recursive: true });
console.log(fs.existsSync("a"), path.basename(os.tmpdir()));
try {
  fs.readFileSync("missing.txt");
} catch (error) {
  console.log((error as NodeJS.ErrnoException).code);
}
