"""TypeScript as its own platform has it: awaits, modules, types, and a tsconfig.json."""

import json
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from services.executor.languages.stages import Program
from services.executor.sandbox.interface import CellFile, GivenStdin, Sandbox
from services.executor.sandbox.warm.sandbox import open_warm_sandbox
from tests.cases import cases
from tests.hosts import needs
from tests.integration.sandbox.cells import Ran
from tests.integration.sandbox.programs import LANGUAGES, execute

pytestmark = [pytest.mark.asyncio(loop_scope="module"), needs("typescript")]
TYPESCRIPT = LANGUAGES["typescript"]
BESIDE = {
    "lib/sum.ts": "import { two } from '../main'\nexport const sum = (a: number) => a + two",
    "lib/late.ts": "export const name: string = 'late'",
    "data.json": '{"a": 1, "b": 2}',
}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def sandbox() -> AsyncIterator[Sandbox]:
    """One for all tests."""
    async with open_warm_sandbox(early=()) as opened:
        yield opened


async def ran(sandbox: Sandbox, source: str, files: dict[str, str] | None = None, stdin: bytes = b"") -> Ran:
    """Compile and run `main.ts` with these files beside it."""
    all_files = {"main.ts": source, **(files or {})}
    cell_files = tuple(CellFile(path, text.encode()) for path, text in all_files.items())
    return await execute(
        sandbox,
        TYPESCRIPT,
        Program(cell_files, "main.ts", TYPESCRIPT.default_limits, stdin=GivenStdin(stdin)),
    )


PRINTS = {
    "for await alone": ("async function* g(){yield 1}  for await (const x of g()) console.log(x)", "1"),
    "await alone": ("await Promise.resolve(); console.log(1)", "1"),
    "await in a declaration": ("const x = await Promise.resolve(3); console.log(x)", "3"),
    "await in an export": ("export const x = await Promise.resolve(3); console.log(x)", "3"),
    "await in a default export": ("export default await Promise.resolve(3); console.log(4)", "4"),
    "await in a condition and a template": (
        "if (await Promise.resolve(true)) { console.log(`${await Promise.resolve(5)}`) }",
        "5",
    ),
    "await in try": (
        "try { await Promise.reject(new Error('e')) } catch (e) { console.log(`${e}`) }",
        "Error: e",
    ),
    "a late import": ("console.log((await import('./lib/late')).name)", "late"),
    "a late import of a computed name": (
        "import './lib/late'; const n = 'late'; console.log((await import(`./lib/${n}`)).name)",
        "late",
    ),
    "two late imports at once": (
        (
            "const m = await Promise.all([import('./data.json'), import('./data.json')]);"
            " console.log(m[0] === m[1])"
        ),
        "true",
    ),
    "modules in a circle": (
        "import { sum } from './lib/sum'; export const two = 2; setTimeout(() => console.log(sum(1)))",
        "3",
    ),
    "an import assignment": ("import fs = require('fs'); console.log(typeof fs.readFileSync)", "function"),
    "a default import of a module of Node.js": (
        "import fs from 'fs'; console.log(typeof fs.statSync)",
        "function",
    ),
    "require": ("const fs = require('fs'); console.log(typeof fs.readFileSync)", "function"),
    "JSON": ("import * as d from './data.json'; import e from './data.json'; console.log(d.a, e.b)", "1 2"),
    "an extension that the platform wants": (
        "import { name } from './lib/late.js'; console.log(name)",
        "late",
    ),
    "the module's place": ("console.log(new URL('.', import.meta.url).pathname, __dirname)", "/work/ /work"),
    "a worker of the same file": (
        (
            "import { isMainThread, Worker } from 'worker_threads';"
            " if (isMainThread) new Worker(new URL(import.meta.url)).on('exit', c => console.log('exit', c))"
        ),
        "exit 0",
    ),
}


@pytest.mark.parametrize("case", cases(PRINTS, {"await alone", "a late import", "JSON"}))
async def test_modules_are_the_platforms_own(sandbox: Sandbox, case: str) -> None:
    source, printed = PRINTS[case]
    assert (await ran(sandbox, source, BESIDE)).succeeded() == f"{printed}\n"


@pytest.mark.full
async def test_a_program_that_waits_for_ever_at_its_top_ends_as_node_ends_it(sandbox: Sandbox) -> None:
    ended = await ran(sandbox, "await new Promise(() => {})")
    assert ended.verdict.exit_code == 13
    assert "unsettled top-level await" in ended.stderr


CALLBACKS = """
import * as fs from "fs"
import * as readline from "readline"
console.log(fs.readFileSync(0, "utf8").split("\\n").map(x => Number(x)))
const rl = readline.createInterface({ input: process.stdin })
rl.on("line", l => console.log(l.length))
process.on("exit", c => console.log(c))
console.log(Buffer.from("x").toString("base64"), AbortSignal.timeout(5).aborted, typeof fetch)
"""


@pytest.mark.full
async def test_callbacks_of_node_need_no_types_of_their_own(sandbox: Sandbox) -> None:
    printed = (await ran(sandbox, CALLBACKS, stdin=b"1\n2")).succeeded()
    assert printed == "[ 1, 2 ]\neA== false function\n0\n"


@pytest.mark.full
async def test_a_parameter_of_the_programs_own_still_needs_its_type(sandbox: Sandbox) -> None:
    refused = await ran(sandbox, "import 'fs'; const f = (x) => x; console.log(f(1))")
    assert refused.verdict.exit_code == 2
    assert "TS7006" in refused.stderr


@pytest.mark.full
async def test_a_type_error_is_found_with_and_without_modules_of_node(sandbox: Sandbox) -> None:
    for head in ("", "import 'fs';"):
        refused = await ran(sandbox, f"{head} const n: number = 'many'; console.log(n)")
        assert refused.verdict.exit_code == 2
        assert "main.ts(1," in refused.stderr
        assert "TS2322" in refused.stderr


LOOSE = "function twice(x) { return x * 2 } console.log(twice(3))"
CONFIGURED = {
    "not strict": ({"strict": False}, LOOSE, {}, "6"),
    "strict but for one": ({"strict": True, "noImplicitAny": False}, LOOSE, {}, "6"),
    "decorators": (
        {"experimentalDecorators": True},
        "function d(x: Function) { console.log(x.name) } @d class A {} new A()",
        {},
        "A",
    ),
    "paths": (
        {"baseUrl": ".", "paths": {"@lib/*": ["lib/*"]}},
        "import { name } from '@lib/late'; console.log(name)",
        {"lib/late.ts": BESIDE["lib/late.ts"]},
        "late",
    ),
    "another format of modules": (
        {"module": "commonjs", "outDir": "dist", "noEmit": True, "declaration": True},
        "import * as fs from 'fs'; console.log(typeof fs.statSync)",
        {},
        "function",
    ),
}


@pytest.mark.parametrize("case", cases(CONFIGURED, {"decorators"}))
async def test_a_submitted_configuration_counts(sandbox: Sandbox, case: str) -> None:
    options, source, files, printed = CONFIGURED[case]
    configuration = {"tsconfig.json": json.dumps({"compilerOptions": options})}
    assert (await ran(sandbox, source, {**files, **configuration})).succeeded() == f"{printed}\n"


@pytest.mark.full
async def test_a_configuration_may_be_stricter(sandbox: Sandbox) -> None:
    configuration = {
        "tsconfig.json": '{"compilerOptions": {"noUnusedLocals": true, "strict": true}} // comment'
    }
    refused = await ran(sandbox, "const unused = 1; export {}", configuration)
    assert refused.verdict.exit_code == 2
    assert "TS6133" in refused.stderr


@pytest.mark.full
async def test_a_configuration_that_cannot_be_read_is_a_compile_error(sandbox: Sandbox) -> None:
    refused = await ran(
        sandbox, "console.log(1)", {"tsconfig.json": '{"compilerOptions": {"target": "es1"}}'}
    )
    assert refused.verdict.exit_code == 2
    assert "--target" in refused.stderr
