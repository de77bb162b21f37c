"""What honest programs need works under the same walls, in a forked interpreter and in an executed one."""

import pytest
from _pytest.mark import ParameterSet

from shared.domain.events import Limits
from tests.hosts import needs_numpy
from tests.security.checker import Checker
from tests.security.submission import Submission

pytestmark = pytest.mark.asyncio(loop_scope="package")

# A variable that an interpreter reads while it starts: the one that is ready has not read it.
INTERPRETERS = {"forked": dict[str, str](), "executed": {"PYTHONHASHSEED": "0"}}

THREADS = """
import threading
found = []
workers = [threading.Thread(target=lambda n=n: found.append(n * n)) for n in range(16)]
for worker in workers: worker.start()
for worker in workers: worker.join()
print(sum(found))
"""
SUBPROCESS = """
import os, subprocess, sys
print(subprocess.run(["sh", "-c", "echo $((40 + 2)) | cat"], capture_output=True, text=True).stdout.strip())
print(subprocess.check_output([sys.executable, "-c", "print(43)"]).decode().strip())
print(os.popen("echo 44").read().strip())
"""
MULTIPROCESSING = """
import multiprocessing
def squared(number): return number * number
def told(queue, lock):
    with lock: queue.put("told")
if __name__ == "__main__":
    context = multiprocessing.get_context("{method}")
    with context.Pool(3) as pool: print(sum(pool.map(squared, range(10))))
    queue, lock = context.Queue(), context.Lock()
    worker = context.Process(target=told, args=(queue, lock))
    worker.start()
    print(queue.get())
    worker.join()
    shared = context.Value("i", 7)
    print(shared.value)
"""
ASYNCIO = """
import asyncio
async def main():
    answer = lambda reader, writer: (writer.write(b"42"), writer.close())
    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    reader, _ = await asyncio.open_connection(*server.sockets[0].getsockname())
    print((await reader.read()).decode())
    process = await asyncio.create_subprocess_exec("echo", "43", stdout=-1)
    print((await process.communicate())[0].decode().strip())
    print(await asyncio.to_thread(lambda: 44))
asyncio.run(main())
"""
NUMPY = """
import numpy, threading
matrix = numpy.arange(160_000, dtype=float).reshape(400, 400)
print(int(numpy.trace(matrix @ numpy.eye(400))), numpy.linalg.matrix_rank(numpy.eye(50)))
print(numpy.random.default_rng(1).random(1000).mean() < 1)
"""

HONEST = {
    "threads": (THREADS, "1240"),
    "subprocess": (SUBPROCESS, "42 43 44"),
    **{
        f"multiprocessing by {method}": (MULTIPROCESSING.replace("{method}", method), "285 told 7")
        for method in ("fork", "spawn", "forkserver")
    },
    "asyncio": (ASYNCIO, "42 43 44"),
}

FORKED_ALONE_SHOWS_MOST = {"threads", "multiprocessing by spawn", "multiprocessing by forkserver", "asyncio"}
"""In the small tier these are not tried in an executed interpreter, where `subprocess` and `fork` are."""

ROOMY = Limits()


def programs() -> list[ParameterSet]:
    """Every program in both interpreters."""
    return [
        pytest.param(
            *(source, answer, env),
            id=f"{name}-{interpreter}",
            marks=pytest.mark.full if interpreter == "executed" and name in FORKED_ALONE_SHOWS_MOST else (),
        )
        for name, (source, answer) in HONEST.items()
        for interpreter, env in INTERPRETERS.items()
    ]


async def printed(checker: Checker, source: str, env: dict[str, str]) -> str:
    outcome, faults = await checker.run_beside_others(Submission("python", source, env=env, limits=ROOMY))
    assert faults == []
    assert outcome.ending == "completed", outcome.said
    return " ".join(outcome.stdout.decode().split())


@pytest.mark.parametrize(("source", "answer", "env"), programs())
async def test_what_programs_need_works(
    checker: Checker, source: str, answer: str, env: dict[str, str]
) -> None:
    assert await printed(checker, source, env) == answer


@needs_numpy
@pytest.mark.parametrize("env", INTERPRETERS.values(), ids=INTERPRETERS)
async def test_numpy_works(checker: Checker, env: dict[str, str]) -> None:
    assert await printed(checker, NUMPY, env) == "31999800 50 True"


@pytest.mark.parametrize("env", INTERPRETERS.values(), ids=INTERPRETERS)
async def test_the_two_interpreters_are_two(checker: Checker, env: dict[str, str]) -> None:
    """One was forked from the zygote, so the kernel still tells the zygote's command line of it."""
    source = "import os, sys\nprint(sys.flags.hash_randomization, os.environ.get('PYTHONHASHSEED'))"
    assert await printed(checker, source, env) == ("0 0" if env else "1 None")
