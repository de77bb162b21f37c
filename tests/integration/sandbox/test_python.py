"""A program in a warm interpreter against the same program started as `python3 main.py`: nobody can tell.

The reference is the cold sandbox, which starts an interpreter of its own for the same command line.
"""

import pytest

from services.executor.sandbox.interface import Sandbox
from tests.integration.sandbox.cells import AS_OFFERED, Ran, program, run, stage

TABLE = {
    "names": "print(sorted(globals())); print(__name__, __file__, __spec__, __package__, __cached__)",
    "arguments": "import sys; print(sys.argv, sys.orig_argv, sys.path, sys.executable, sys.flags)",
    "streams": "import sys\nfor s in (sys.stdin, sys.stdout, sys.stderr):\n"
    "    print(s, s.errors, s.line_buffering, s.write_through, s.isatty(), s.fileno())",
    "environment": "import os; print(sorted(os.environ.items()), os.getcwd(), oct(os.umask(0)))",
    "processes": "import os; print(os.getpid(), os.getppid(), os.getuid(), os.getgid())",
    "stack": "import sys, traceback; print(sys._getframe().f_back); traceback.print_stack()",
    "depth": "def f(n):\n    try: return f(n + 1)\n    except RecursionError: return n\nprint(f(0))",
    "uncaught": "def f():\n    return 1 / 0\n\nf()",
    "chained": "try: 1 / 0\nexcept ZeroDivisionError as e: raise ValueError('x') from e",
    "syntax": "print(1\n",
    "exit": "raise SystemExit(3)",
    "exit without its file": "import sys\ndel __file__, __cached__\nprint('x')",
    "exit with words": "import sys; sys.exit('words')",
    "exit true": "import sys; sys.exit(True)",
    "exit 139": "import sys; sys.exit(7 + 100)",
    "signals": "import signal\nfor s in (2, 13, 15, 25): print(signal.getsignal(s))",
    "interrupt": "import os\ntry: os.kill(os.getpid(), 2)\nexcept KeyboardInterrupt: print('interrupted')",
    "exit functions": "import atexit\natexit.register(print, 'one')\natexit.register(print, 'two')\n1 / 0",
    "threads joined": "import threading as t, time\nt.Thread(target=lambda: print(time.sleep(.1))).start()",
    "freed at the end": "class A:\n    def __del__(self): print('freed')\na = A()\nb = [a]\nprint('end')",
    "freed in a cycle": "class A:\n    def __del__(self): print('freed')\na = A()\na.me = a",
    "unflushed": "import sys\nsys.stdout = open(1, 'w', buffering=100000)\nprint('late')",
    "an unclosed file": "f = open('x', 'w'); f.write('kept'); import atexit\n"
    "atexit.register(lambda: print(open('x').read()))\n",
    "a module at the end": "import json\nclass A:\n    def __del__(self): print(json.dumps([1]))\na = A()",
    "subprocess": "import subprocess; print(subprocess.run(['cat', '/etc/passwd'], capture_output=True))",
    "multiprocessing": "import multiprocessing as m\nwith m.Pool(2) as p: print(p.map(abs, [-1, 2]))",
    "spawn": "import multiprocessing as m\nif __name__ == '__main__':\n"
    "    with m.get_context('spawn').Pool(1) as p: print(p.map(abs, [-1]))",
    "asyncio": "import asyncio\nasync def f(): await asyncio.sleep(0); print('done')\nasyncio.run(f())",
    "warnings": "import warnings; warnings.warn('careful')",
    "logging": "import logging; logging.warning('careful'); logging.info('quiet')",
    "garbage": "import gc; print(gc.isenabled(), gc.get_threshold(), gc.garbage)",
    "ours": "import sys; print([n for n in sys.modules if n in ('sitecustomize', 'guest', 'init', 'ipc')])",
    "input": "print(input(), list(__import__('sys').stdin))",
    "descriptors": "import os; print(sorted(os.listdir('/proc/self/fd')))",
    "limits": "import resource as r\nprint(*map(r.getrlimit, (r.RLIMIT_NOFILE, r.RLIMIT_FSIZE)))",
    "killed": "import os; os.kill(os.getpid(), 9)",
    "aborted": "import os; os.abort()",
    "left": "import os; print('x', end=''); os._exit(5)",
}


async def both(warm: Sandbox, cold: Sandbox, source: str) -> tuple[Ran, Ran]:
    """The same program, forked and started."""
    asked = stage(
        *("python3", "/work/main.py", "a", "-b"),
        files={"main.py": source.encode()},
        env=AS_OFFERED,
        stdin=b"first\nsecond\n",
    )
    return await run(warm, asked), await run(cold, asked)


@pytest.mark.parametrize("name", TABLE)
async def test_nobody_can_tell(warm: Sandbox, cold: Sandbox, name: str) -> None:
    forked, started = await both(warm, cold, TABLE[name])
    assert (forked.stdout, forked.stderr) == (started.stdout, started.stderr)
    assert (forked.verdict.exit_code, forked.verdict.signal) == (
        started.verdict.exit_code,
        started.verdict.signal,
    )


async def test_the_interpreter_of_the_table_is_a_forked_one(warm: Sandbox, cold: Sandbox) -> None:
    forked, started = await both(warm, cold, "import sys; print('decimal' in sys.modules)")
    assert (forked.stdout, started.stdout) == ("True\n", "False\n")


async def test_chance_is_each_programs_own(warm: Sandbox) -> None:
    source = "import os, random, uuid; print(random.random(), os.urandom(8).hex(), uuid.uuid4())"
    rans = [await run(warm, program(source)) for _ in range(3)]
    values = [word for ran in rans for word in ran.succeeded().split()]
    assert len(set(values)) == 9


async def test_a_file_beside_the_program_goes_before_the_library(warm: Sandbox) -> None:
    files = {"main.py": b"import random; print(random.x)", "random.py": b"x = 'mine'"}
    asked = stage("python3", "/work/main.py", files=files, env=AS_OFFERED)
    assert (await run(warm, asked)).succeeded() == "mine\n"


@pytest.mark.parametrize("variable", [{"PYTHONHASHSEED": "0"}, {"TZ": "Asia/Tokyo"}, {"PYTHONPATH": "/x"}])
async def test_a_variable_that_is_read_at_the_start_counts(
    warm: Sandbox, cold: Sandbox, variable: dict[str, str]
) -> None:
    source = b"import sys, time; print(hash('x'), time.tzname, sys.path)"
    asked = stage("python3", "/work/main.py", files={"main.py": source}, env=AS_OFFERED | variable)
    forked, started = await run(warm, asked), await run(cold, asked)
    said = [ran.succeeded().split(maxsplit=1) for ran in (forked, started)]
    assert said[0][1] == said[1][1]
    if "PYTHONHASHSEED" in variable:
        assert said[0][0] == said[1][0]
