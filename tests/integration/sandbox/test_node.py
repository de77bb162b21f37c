"""A program in a Node.js that was started before its job against one that was not: nobody can tell.

The reference is the cold sandbox, which starts one for the same command line.
"""

import re
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from services.executor.sandbox.cold.sandbox import open_cold_sandbox
from services.executor.sandbox.interface import Stage
from services.executor.sandbox.warm.sandbox import WarmSandbox, open_warm_sandbox
from shared.domain.events import Limits
from tests.cases import cases
from tests.hosts import needs_node
from tests.integration.sandbox.cells import MIB, Ran, run, stage

pytestmark = [pytest.mark.asyncio(loop_scope="module"), needs_node]

NODE = ("node", "/work/main.js")

TABLE = {
    "arguments": "console.log(process.argv, process.execArgv, process.title, process.execPath)",
    "module": "console.log(__filename, module.id, require.main === module, module.paths, module.parent)",
    "loaded": "console.log(Object.keys(require.cache))",
    "environment": "console.log(Object.entries(process.env).sort(), process.cwd(), process.umask())",
    "processes": "console.log(process.pid, process.ppid, process.getuid())",
    "uncaught": "function f() { throw new Error('x') }\nf()",
    "rejected": "Promise.reject(new Error('x'))",
    "syntax": "console.log(1",
    "exit": "process.exit(3)",
    "exit code": "process.exitCode = 4; console.log('last')",
    "exit functions": "process.on('exit', (code) => console.log(code)).on('beforeExit', () => console.log())",
    "signal": "process.kill(process.pid, 'SIGTERM')",
    "aborted": "process.abort()",
    "input": "process.stdin.on('data', (d) => console.log(String(d))).on('end', () => console.log('end'))",
    "input at once": "console.log(require('fs').readFileSync(0, 'utf8'))",
    "streams": "console.log(process.stdout.isTTY, process.stdin.fd); console.error(process.stderr.writable)",
    "sockets": "const fs = require('fs'), at = '/proc/self/fd';\n"
    "const to = (n) => { try { return fs.readlinkSync(`${at}/${n}`) } catch { return '' } };\n"
    "console.log(fs.readdirSync(at).map(to).filter((name) => name.startsWith('socket')))",
    "timers": "setTimeout(() => console.log('later'), 500); setImmediate(() => console.log('soon'))",
    "promises": "(async () => { await null; console.log('done') })()",
    "worker": "const w = require('worker_threads');\n"
    "if (w.isMainThread) new w.Worker(__filename).on('exit', (c) => console.log('worker', c));\n"
    "else console.log('in it', process.argv)",
    "fork": "const c = require('child_process');\n"
    "if (process.send) process.send([process.argv.slice(2), process.execArgv]);\n"
    "else c.fork(__filename, ['z']).on('message', (m) => console.log(m)).on('exit', (n) => console.log(n))",
    "spawn": "console.log(String(require('child_process').execSync('node -p 1+1')))",
    "other file": "console.log(require('./lib/other.js'), require('./data.json'))",
    "import": "import('./lib/more.mjs').then((m) => console.log(m.default))",
    "garbage": "console.log(typeof gc, process._getActiveHandles().length)",
    "globals": "console.log(Object.getOwnPropertyNames(globalThis).sort().join())",
}
FILES = {
    "lib/other.js": b"module.exports = 'other'",
    "lib/more.mjs": b"export default 'more'",
    "data.json": b'{"a": [1]}',
}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def opened() -> AsyncIterator[WarmSandbox]:
    """Where runtimes start early."""
    async with open_warm_sandbox() as sandbox:
        (await run(sandbox, asked("console.log(1)"))).succeeded()
        yield sandbox


@pytest_asyncio.fixture(loop_scope="module")
async def warm(opened: WarmSandbox) -> WarmSandbox:
    """Where some of them are ready."""
    await opened.full()
    return opened


def asked(source: str, files: dict[str, bytes] | None = None, *, limits: Limits | None = None) -> Stage:
    """A program as the catalogue runs it."""
    return stage(
        *(*NODE, "a", "--b"),
        files={"main.js": source.encode(), **FILES, **(files or {})},
        stdin=b"first\nsecond\n",
        limits=limits or Limits(memory_bytes=512 * MIB),
    )


async def both(warm: WarmSandbox, program: Stage) -> tuple[Ran, Ran]:
    """The same program in an early runtime and in one of its own."""
    async with open_cold_sandbox() as cold:
        return await run(warm, program), await run(cold, program)


@pytest.mark.parametrize("name", cases(TABLE, {"arguments", "uncaught", "input"}))
async def test_nobody_can_tell(warm: WarmSandbox, name: str) -> None:
    early, started = await both(warm, asked(TABLE[name]))
    assert (early.stdout, without_addresses(early)) == (started.stdout, without_addresses(started))
    assert (early.verdict.exit_code, early.verdict.signal) == (
        started.verdict.exit_code,
        started.verdict.signal,
    )


def without_addresses(ran: Ran) -> str:
    """What it wrote to stderr; addresses in the stack of an abort differ with every start."""
    return re.sub("0x[0-9a-f]+", "0x", ran.stderr)


async def test_modules_of_the_other_kind(warm: WarmSandbox) -> None:
    files = {"package.json": b'{"type": "module"}'}
    program = asked("import fs from 'fs'; console.log(typeof fs.readFileSync, import.meta.url)", files)
    early, started = await both(warm, program)
    assert early.succeeded() == started.succeeded() == "function file:///work/main.js\n"


WAS_EARLY = "console.log(process._preload_modules.length)"


async def test_the_runtime_of_the_table_is_an_early_one(warm: WarmSandbox) -> None:
    early, started = await both(warm, asked(WAS_EARLY))
    assert (early.stdout, started.stdout) == ("1\n", "0\n")


async def test_every_run_has_a_runtime_of_its_own(warm: WarmSandbox) -> None:
    source = "globalThis.count = (globalThis.count ?? 0) + 1; console.log(count, process.pid, Math.random())"
    said = []
    for _ in range(4):
        said.append((await run(warm, asked(source))).succeeded().split())
        await warm.full()
    assert [words[:2] for words in said] == [["1", "2"]] * 4
    assert len({words[2] for words in said}) == 4


@pytest.mark.parametrize(
    "program",
    [
        pytest.param(asked(WAS_EARLY, limits=Limits(memory_bytes=512 * MIB, files_open=100)), id="limits"),
        pytest.param(
            asked(WAS_EARLY, limits=Limits(memory_bytes=512 * MIB, stack_bytes=8 * MIB)), id="stack"
        ),
        pytest.param(
            asked(WAS_EARLY, limits=Limits(memory_bytes=512 * MIB, address_space_bytes=2**35)), id="addresses"
        ),
        pytest.param(
            stage(*NODE, files={"main.js": WAS_EARLY.encode()}, env={"NODE_OPTIONS": ""}),
            id="a variable that is read at the start",
        ),
    ],
)
async def test_what_an_early_runtime_cannot_be_is_started(warm: WarmSandbox, program: Stage) -> None:
    assert (await run(warm, program)).succeeded() == "0\n"


async def test_an_early_runtime_stands_under_its_limits(warm: WarmSandbox) -> None:
    ran = await run(
        warm,
        asked(
            "console.log('attempted'); for (;;);",
            limits=Limits(cpu_ms=10_000, wall_ms=400, memory_bytes=512 * MIB),
        ),
    )
    assert (ran.verdict.stopped_by, ran.stdout) == ("wall_time", "attempted\n")
    assert ran.verdict.cpu_ms <= ran.verdict.wall_ms + 200
