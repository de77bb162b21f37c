const lines = require("fs").readFileSync("/dev/stdin").toString().split("\n");
console.log(lines);
process.stdout.write("last: " + lines[lines.length - 1]);
