const util = require("util");
console.log(process.argv.length, process.argv.slice(2), process.env.COLOUR, process.env.NOPE);
console.error("warning");
console.warn("%s has %d of %j", "Ann", 42, { a: 1 });
console.log(util.inspect({ a: [1, [2, [3, [4]]]] }, { depth: 0 }), util.format("%o|%%|%i", 1, 2.9));
process.on("exit", (code) => console.log("goodbye", code));
process.exitCode = 7;
process.stdout.write("no newline at the end");
