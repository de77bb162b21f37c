"""A stage that starts in /mnt/data: the files of /work, under another name."""

from dataclasses import replace

import pytest

from services.executor.languages.catalogue import load_languages
from services.executor.languages.plan import Plan
from services.executor.languages.stages import Program
from services.executor.sandbox.interface import RejectedError, Sandbox, Stage
from services.executor.sandbox.isolation.filesystem import DATA
from services.executor.sandbox.warm.job_file import is_warm
from services.executor.sandbox.warm.runtimes import node
from services.executor.sandbox.warm.sandbox import WarmSandbox
from tests.hosts import needs
from tests.integration.sandbox.cells import AS_OFFERED, run, stage

LOOKS = """\
import os, sys
print(os.environ["PWD"], os.path.samefile(".", "/work"), os.listdir("/work") == os.listdir("/mnt/data"))
print(open("/mnt/data/in.txt").read(), open("in.txt").read(), open("/work/in.txt").read())
open("here.txt", "w").write("here")
os.mkdir("/mnt/data/out")
open("/mnt/data/out/there.txt", "w").write("there")
print(open("/work/here.txt").read(), sorted(os.listdir("/work")))
"""


def looking(source: str = LOOKS, directory: str = DATA) -> Stage:
    asked = stage(
        "python3",
        "/work/main.py",
        files={"main.py": source.encode(), "in.txt": b"given"},
        env=AS_OFFERED,
        artifacts=("**/*.txt",),
    )
    return replace(asked, directory=directory)


async def test_both_names_show_the_same_files(sandbox: Sandbox) -> None:
    ran = await run(sandbox, looking())
    assert ran.succeeded().splitlines() == [
        "/mnt/data True True",
        "given given given",
        "here ['here.txt', 'in.txt', 'main.py', 'out']",
    ]


async def test_artifacts_are_those_of_work(warm: WarmSandbox) -> None:
    ran = await run(warm, looking())
    assert [file.path for file in ran.verdict.artifacts] == ["here.txt", "in.txt", "out/there.txt"]


async def test_a_program_that_starts_in_work_has_it_too(sandbox: Sandbox) -> None:
    source = "import os\nprint(os.getcwd(), os.environ['PWD'], sorted(os.listdir('/mnt/data')))"
    ran = await run(sandbox, looking(source, directory=""))
    assert ran.succeeded() == "/work /work ['in.txt', 'main.py']\n"


async def test_a_shell_starts_there(sandbox: Sandbox) -> None:
    asked = replace(stage("/bin/sh", "-c", "echo $PWD; pwd; echo x > y; cat /work/y"), directory=DATA)
    assert (await run(sandbox, asked)).succeeded() == "/mnt/data\n/mnt/data\nx\n"


async def test_a_disk_is_one_and_as_full_by_either_name(sandbox: Sandbox) -> None:
    source = "import os\nprint(os.statvfs('/work') == os.statvfs('/mnt/data'))\nopen('/mnt/x', 'w')"
    ran = await run(sandbox, looking(source))
    assert ran.stdout == "True\n"
    assert "Read-only file system" in ran.stderr


async def test_a_forked_interpreter_is_there_as_a_started_one(warm: WarmSandbox) -> None:
    source = "import os, sys; print('decimal' in sys.modules, os.getcwd(), sys.path[0], sys.argv)"
    ran = await run(warm, looking(source))
    assert ran.succeeded() == "True /mnt/data /work ['/work/main.py']\n"
    own = replace(looking("import os; print(os.environ['PWD'])"), env=(*AS_OFFERED.items(), ("PWD", "/x")))
    assert (await run(warm, own)).succeeded() == "/x\n"


async def test_a_name_cannot_be_taken_away(warm: WarmSandbox) -> None:
    source = """
import os
for act in os.rmdir, os.unlink:
    try:
        act("/mnt/data")
    except OSError:
        print("kept")
"""
    assert (await run(warm, looking(source))).succeeded() == "kept\nkept\n"


@pytest.mark.parametrize("directory", ["/", "/etc", "/mnt", "/mnt/data/", "/mnt/data/..", "work", "/proc"])
async def test_there_is_no_third_directory(sandbox: Sandbox, directory: str) -> None:
    with pytest.raises(RejectedError, match="no directory in which a program can start"):
        await run(sandbox, looking(directory=directory))


@needs("javascript")
async def test_a_runtime_that_is_ready_is_not_used(warm: WarmSandbox) -> None:
    javascript = load_languages()["javascript"]
    program = Program(files=(), entrypoint="main.js", limits=javascript.default_limits)
    plain, there = (Plan(javascript, replace(program, directory=one)).stage(0) for one in ("", DATA))
    assert node().can_run(plain, has_cgroups=True)
    assert not node().can_run(there, has_cgroups=True)
    asked = stage("node", "/work/main.js", files={"main.js": b"console.log(process.cwd())"})
    assert (await run(warm, replace(asked, directory=DATA))).succeeded() == "/mnt/data\n"


def test_an_interpreter_is_forked_for_it() -> None:
    python = load_languages()["python"]
    program = Program(files=(), entrypoint="main.py", limits=python.default_limits, directory=DATA)
    assert is_warm(Plan(python, program).stage(0), frozenset())
