// Holds a prestarted Node.js until its job arrives: node loads this file first. When the job has arrived, node
// continues with /work/main.js by its own code, and nothing of this file is left.
"use strict";
const fs = require("fs");
const { dirname } = require("path");
const GO = 3, JOB = 4, HEAD_BYTES = 8;

function read(position, length) {
    const bytes = Buffer.allocUnsafe(length);
    for (let at = 0; at < length;) at += fs.readSync(JOB, bytes, at, length - at, position + at);
    return bytes;
}

function place(name, mode, bytes) {
    if (name.includes("/")) fs.mkdirSync(dirname(name), { recursive: true });
    const file = fs.openSync(name, "wx", mode);
    for (let at = 0; at < bytes.length;) at += fs.writeSync(file, bytes, at);
    fs.closeSync(file);
}

function begin() {
    fs.writeSync(GO, "w"); // waiting
    if (fs.readSync(GO, Buffer.alloc(1)) === 0) process.exit(0); // never needed
    process.chdir("/work");
    const length = Number(read(0, HEAD_BYTES).readBigUInt64LE());
    const words = read(HEAD_BYTES, length).toString().split("\0");
    const next = () => words.shift();
    const times = (count, what) => { while (count-- > 0) what(); };
    let at = HEAD_BYTES + length;
    times(next(), () => {
        const name = next(), mode = next() ? 0o755 : 0o644, size = Number(next());
        place(name, mode, read(at, size));
        at += size;
    });
    times(next(), () => process.argv.push(next()));
    times(next(), () => { process.env[next()] = next(); });
}

// A worker thread also loads this file; there it has nothing to do.
if (require("worker_threads").isMainThread) {
    try {
        begin();
    } catch (error) {
        fs.writeSync(GO, String(error)); // the program never was: not its failure
        process.exit(1);
    }
    fs.closeSync(GO);
    fs.closeSync(JOB);
    process.execArgv.length = 0; // or the programs that it forks would wait as well
    delete require.cache[__filename];
}
