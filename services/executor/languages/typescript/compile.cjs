// The compile stage of TypeScript, `node compile.cjs entrypoint product`, by the compiler's own API. It checks the
// program as `tsc` does, a submitted tsconfig.json included, and emits ES modules that Node.js itself links and
// runs. The product is one file: run.cjs, and the modules that it writes beside their sources.
"use strict";
const fs = require("fs");
const path = require("path");

const HERE = __dirname;
const WORK = path.dirname(HERE);
const COMPILE_ERROR = 2;
/** Where Debian's package of Node.js, and npm, put the types of Node.js. */
const TYPE_ROOTS = ["/usr/share/nodejs/@types", "/usr/lib/node_modules/@types", "/usr/local/lib/node_modules/@types"];
const BASICS = path.join(HERE, "basics.d.ts");
const STUBS = path.join(HERE, "node.d.ts");
/** What is sure to need more than the basics; only speed depends on it. */
const NEEDS_NODE = /\b(?:process|Buffer|require)\b|\bfrom\s*["'][^."']|\bimport\s*\(?\s*["'][^."']/;
/** A parameter, a rest parameter or a binding whose type nothing tells. */
const UNTYPED_PARAMETERS = new Set([7006, 7019, 7031]);
/** `import x = require("y")` is no import of an ES module; see `importAssignments`. */
const IMPORT_ASSIGNMENT = 1202;
/** What the compiler takes for a source by its name. */
const SOURCE = /\.(?:[cm]?[jt]s|[jt]sx|json)$/;
/** A tsconfig.json that includes no file: the entrypoint is enough. */
const NO_INPUTS = 18003;

const ts = require(compilerPath());
/** What a program may know of Node.js: the types of Node.js, or else names without types, or the basics alone. */
const TYPED = "types", NAMED = STUBS, BASIC = BASICS;

const typeRoot = TYPE_ROOTS.find((root) => fs.existsSync(path.join(root, "node", "index.d.ts")));

function compilerPath() {
    const tsc = process.env.PATH.split(":").map((each) => path.join(each, "tsc")).find(fs.existsSync);
    return path.join(path.dirname(fs.realpathSync(tsc)), "..", "lib", "typescript.js");
}

/** What holds for every program: it becomes ES modules, in memory, whatever a tsconfig.json says. */
function forced(declared) {
    const typed = declared === TYPED;
    return {
        module: ts.ModuleKind.ESNext, moduleResolution: ts.ModuleResolutionKind.NodeJs, moduleDetection: 3,
        noEmit: false, emitDeclarationOnly: false, declaration: false, declarationMap: false, composite: false,
        incremental: false, tsBuildInfoFile: undefined, outFile: undefined, out: undefined, sourceMap: false,
        inlineSourceMap: false, noEmitOnError: false, rootDir: WORK, outDir: path.join(WORK, ".out"),
        skipLibCheck: true, typeRoots: typed ? [typeRoot] : [], types: typed ? ["node"] : [],
    };
}

const USUAL = { target: 9, lib: ["lib.es2022.d.ts"] }; // ES2022
const WITHOUT_CONFIGURATION = { ...USUAL, strict: true, esModuleInterop: true, resolveJsonModule: true };

/** The nearest tsconfig.json at or above the entrypoint's folder: its options, files and faults. */
function configuration(entrypoint) {
    const file = ts.findConfigFile(path.dirname(entrypoint), (name) => name.startsWith(WORK) && ts.sys.fileExists(name));
    if (!file) return { options: WITHOUT_CONFIGURATION, files: [], faults: [] };
    const read = ts.readConfigFile(file, ts.sys.readFile);
    if (read.error) return { options: {}, files: [], faults: [read.error] };
    const parsed = ts.parseJsonConfigFileContent(read.config, ts.sys, path.dirname(file), undefined, file);
    const options = { ...parsed.options };
    for (const [name, value] of Object.entries(USUAL)) options[name] ??= value;
    return { options, files: parsed.fileNames, faults: parsed.errors.filter((each) => each.code !== NO_INPUTS) };
}

function declarations(folder) {
    return fs.readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
        const name = path.join(folder, entry.name);
        if (entry.isDirectory()) return name === HERE || entry.name === "node_modules" ? [] : declarations(name);
        return /\.d\.[cm]?ts$/.test(name) ? [name] : [];
    });
}

/** A library's file as it is parsed: its comments would take half of the time. */
const libraries = new Map();
function library(name, languageVersion) {
    if (!libraries.has(name)) {
        const text = ts.sys.readFile(name)?.replace(/\/\*\*[^]*?\*\//g, "");
        libraries.set(name, text === undefined ? undefined : ts.createSourceFile(name, text, languageVersion));
    }
    return libraries.get(name);
}

function makeProgram(entrypoint, { options, files }, declared) {
    const all = { ...options, ...forced(declared) };
    const host = ts.createCompilerHost(all);
    const read = host.getSourceFile;
    const isOurs = (name) => name.startsWith(WORK + "/") && !name.startsWith(HERE);
    host.getSourceFile = (name, ...rest) => (isOurs(name) ? read(name, ...rest) : library(name, rest[0]));
    const roots = [entrypoint, ...files, ...declarations(WORK), ...(declared === TYPED ? [] : [declared])];
    return { program: ts.createProgram([...new Set(roots)], all, host), host, declared };
}

/** The faults of a program. Where Node.js has no types here, what touches it may do without. */
function faults({ program, declared }) {
    const checker = program.getTypeChecker();
    return ts.getPreEmitDiagnostics(program).filter((fault) => {
        if (fault.code === IMPORT_ASSIGNMENT) return false;
        return declared !== NAMED || !UNTYPED_PARAMETERS.has(fault.code) || !isGivenToAny(checker, fault);
    });
}

/** The program with as few declarations as it needs: those of all of Node.js take as long as all else. */
function check(entrypoint, configured) {
    if (!NEEDS_NODE.test(ts.sys.readFile(entrypoint))) {
        const made = makeProgram(entrypoint, configured, BASIC);
        if (faults(made).length === 0) return { made, found: [] };
    }
    const typed = typeRoot && makeProgram(entrypoint, configured, TYPED);
    // Types of a newer Node.js may be written in a newer language than this compiler reads.
    const isRead = typed && !typed.program.getSyntacticDiagnostics().some((each) => each.file.fileName.startsWith(typeRoot));
    const made = isRead ? typed : makeProgram(entrypoint, configured, NAMED);
    return { made, found: faults(made) };
}

/** Whether a fault lies in a function that is an argument of a call of which nothing is known. */
function isGivenToAny(checker, fault) {
    let node = fault.file;
    const within = (each) => each.getStart() <= fault.start && fault.start < each.getEnd();
    for (let found = node; found; found = ts.forEachChild(node, (each) => (within(each) ? each : undefined))) {
        node = found;
    }
    for (let each = node; each.parent; each = each.parent) {
        const call = each.parent;
        if ((ts.isCallExpression(call) || ts.isNewExpression(call)) && each !== call.expression) {
            return (checker.getTypeAtLocation(call.expression).flags & ts.TypeFlags.Any) !== 0;
        }
        if (ts.isStatement(each)) return false;
    }
    return false;
}

/** The module's name in the product: beside its source, and no name that a source has. */
function moduleName(source) {
    return `${path.relative(WORK, source)}.mjs`;
}

function emitModules({ program, host }) {
    const modules = {};
    const emitted = new Map(program.getSourceFiles()
        .filter((file) => !file.isDeclarationFile && !program.isSourceFileFromExternalLibrary(file))
        .map((file) => [file.fileName, moduleName(file.fileName)]));
    const resolve = (text, from) => {
        const found = ts.resolveModuleName(text, from, program.getCompilerOptions(), host).resolvedModule?.resolvedFileName;
        const target = emitted.get(found) ?? (found && /\.[cm]?js$/.test(found) ? path.relative(WORK, found) : undefined);
        if (target === undefined || target.startsWith("..")) return undefined;
        const specifier = path.posix.relative(path.dirname(moduleName(from)), target);
        return specifier.startsWith(".") ? specifier : `./${specifier}`;
    };
    const write = (_name, text, _mark, _onError, [source]) => {
        modules[moduleName(source.fileName)] = source.fileName.endsWith(".json") ? jsonModule(text) : text;
    };
    program.emit(undefined, write, undefined, false, {
        before: [importAssignments], after: [(context) => specifiers(context, resolve)],
    });
    return modules;
}

/** JSON as a module: the whole, and each of its names by itself. */
function jsonModule(text) {
    const names = Object.keys(Object(JSON.parse(text))).filter((name) => /^[A-Za-z_$][\w$]*$/.test(name));
    const named = names.map((name, index) => `const _${index} = whole[${JSON.stringify(name)}];\nexport { _${index} as ${name} };\n`);
    return `const whole = ${text.trim()};\nexport default whole;\n${named.filter((_, index) => names[index] !== "default").join("")}`;
}

/** `import x = require("y")` becomes an import of a module of the program, and a call of `require` for others. */
function importAssignments(context) {
    const { factory } = context;
    const visit = (node) => {
        if (!ts.isImportEqualsDeclaration(node) || !ts.isExternalModuleReference(node.moduleReference)) return node;
        const named = node.moduleReference.expression;
        const call = factory.createCallExpression(factory.createIdentifier("require"), undefined, [named]);
        const variable = factory.createVariableDeclaration(node.name, undefined, undefined, call);
        return factory.createVariableStatement(node.modifiers,
            factory.createVariableDeclarationList([variable], ts.NodeFlags.Const));
    };
    return (file) => ts.visitEachChild(file, (node) => (node.isTypeOnly ? undefined : visit(node)), context);
}

/** Names of modules as Node.js resolves them, which wants the whole name of a file. */
function specifiers(context, resolve) {
    const { factory } = context;
    return (file) => {
        const from = ts.getOriginalNode(file).fileName;
        const renamed = (node) => {
            const specifier = node && ts.isStringLiteral(node) && resolve(node.text, from);
            return specifier ? factory.createStringLiteral(specifier) : node;
        };
        const visit = (node) => {
            if (ts.isImportDeclaration(node)) {
                return factory.updateImportDeclaration(node, node.modifiers, node.importClause,
                    renamed(node.moduleSpecifier), node.assertClause);
            }
            if (ts.isExportDeclaration(node)) {
                return factory.updateExportDeclaration(node, node.modifiers, node.isTypeOnly, node.exportClause,
                    renamed(node.moduleSpecifier), node.assertClause);
            }
            if (ts.isCallExpression(node) && node.expression.kind === ts.SyntaxKind.ImportKeyword) {
                const [name, ...rest] = node.arguments.map((each) => ts.visitNode(each, visit));
                const given = ts.isStringLiteral(name) ? renamed(name) : lateName(name);
                return factory.updateCallExpression(node, node.expression, undefined, [given, ...rest]);
            }
            return ts.visitEachChild(node, visit, context);
        };
        return ts.visitNode(file, visit);
    };
    /** A name that is known when the program runs: run.cjs finds the module. */
    function lateName(name) {
        const { factory } = context;
        const url = factory.createPropertyAccessExpression(
            factory.createMetaProperty(ts.SyntaxKind.ImportKeyword, factory.createIdentifier("meta")), "url");
        const find = factory.createElementAccessExpression(
            factory.createIdentifier("globalThis"), factory.createStringLiteral("headrace:module"));
        return factory.createCallExpression(find, undefined, [name, url]);
    }
}

function report(found) {
    const host = { getCurrentDirectory: () => WORK, getCanonicalFileName: (name) => name, getNewLine: () => "\n" };
    process.stderr.write(ts.formatDiagnostics(found, host));
    return found.some((fault) => fault.category === ts.DiagnosticCategory.Error);
}

/** The entrypoint under a name that the compiler takes. */
function source(name) {
    if (SOURCE.test(name)) return name;
    let taken = `${name}.ts`;
    while (fs.existsSync(taken)) taken += ".ts";
    fs.copyFileSync(name, taken);
    return taken;
}

function main(named, product) {
    const entrypoint = source(named);
    const configured = configuration(entrypoint);
    if (report(configured.faults)) return COMPILE_ERROR;
    const { made, found } = check(entrypoint, configured);
    if (report(found)) return COMPILE_ERROR;
    const modules = emitModules(made);
    if (!(moduleName(entrypoint) in modules)) {
        process.stderr.write(`error: ${path.relative(WORK, entrypoint)} is no program\n`);
        return COMPILE_ERROR;
    }
    const text = fs.readFileSync(path.join(HERE, "run.cjs"), "utf8");
    fs.writeFileSync(product, `${text}start(${JSON.stringify(moduleName(entrypoint))}, ${JSON.stringify(modules)});\n`);
    return 0;
}

process.exitCode = main(...process.argv.slice(2));
