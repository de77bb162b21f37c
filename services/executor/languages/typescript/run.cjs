// A compiled TypeScript program: its ES modules are written beside their sources, and the entrypoint's is imported.
// Names that other modules of CommonJS have are there as well.
"use strict";
function start(entry, modules) {
    const fs = require("fs"), path = require("path"), url = require("url");
    const here = (name) => path.join(__dirname, name);
    for (const [name, text] of Object.entries(modules)) {
        if (!fs.existsSync(here(name))) fs.writeFileSync(here(name), text);
    }
    const find = (name, from) => {
        if (!/^\.{0,2}\//.test(name)) return name;
        const target = path.relative(__dirname, path.resolve(path.dirname(url.fileURLToPath(from)), name));
        const stem = target.replace(/\.([cm]?)js$/, "");
        const ends = ["", ".ts", ".tsx", ".mts", ".cts", "/index.ts", ".json"].map((end) => `${end}.mjs`);
        const found = [target, stem].flatMap((each) => ends.map((end) => each + end)).find((each) => each in modules);
        return found === undefined ? name : url.pathToFileURL(here(found)).href;
    };
    Object.defineProperty(globalThis, "headrace:module", { value: find });
    Object.assign(globalThis, { require, module, exports, __filename, __dirname });
    let pending = true;
    // As Node.js itself says and exits when its main module still waits, and nothing is left to wake it.
    process.on("exit", (code) => {
        if (!pending || code !== 0) return;
        process.stderr.write("Warning: Detected unsettled top-level await\n");
        process.exitCode = 13;
    });
    const settled = () => { pending = false; };
    import(url.pathToFileURL(here(entry)).href).then(settled, (error) => { settled(); throw error; });
}
