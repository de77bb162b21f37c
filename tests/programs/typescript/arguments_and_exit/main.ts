import * as path from "path";

console.log(process.argv.length, process.argv.slice(2), process.env.COLOUR, process.env["NOPE"] ?? "unset");
console.error("warning");
console.log(path.join("a", "..", "b"), path.extname("x.tar.gz"));
process.exitCode = 7;
process.stdout.write("no newline at the end");
