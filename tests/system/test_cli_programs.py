"""`run` and `submit` take the same options, and programs get what they say."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.cases import cases
from tests.system.conftest import User
from tests.system.test_cli import Ended, headrace

TELLS = (
    "import json, os, resource, sys\n"
    "import pkg.util\n"
    "print(json.dumps([pkg.util.NAME, os.environ.get('WORD'), sys.argv[1:], sys.stdin.read()]))\n"
)
MEMORY = 100 * 2**20


@pytest.fixture
def source(tmp_path: Path) -> Path:
    (tmp_path / "src" / "pkg").mkdir(parents=True)
    (tmp_path / "src" / "pkg" / "util.py").write_text("NAME = 'util'\n")
    (tmp_path / "src" / "main.py").write_text(TELLS)
    (tmp_path / "in.txt").write_text("from a file")
    return tmp_path


async def call(user: User, *words: object, stdin: bytes = b"", cwd: Path | None = None) -> Ended:
    settings = {"HEADRACE_DATA": str(user.stack.directory)}
    return await headrace(*words, stdin=stdin, cwd=cwd, settings=settings)


@pytest.mark.full
@pytest.mark.parametrize("command", cases(["run", "submit"], {"run"}))
async def test_every_option_reaches_the_program(local: User, source: Path, command: str) -> None:
    ended = await call(
        local,
        command,
        *("--file", "src/pkg/util.py", "--env", "WORD=a=b", "--memory", "100M", "--wall-ms", "9000"),
        *("--stdin", "in.txt", "--label", "of=me", "--label", "and=you", "--artifact", "none/*", "--json"),
        *("src/main.py", "--", "-v"),
        stdin=b"not this",
        cwd=source,
    )
    assert ended.code == 0, ended.stderr
    job = ended.json()
    if command == "submit":
        job = (await call(local, "wait", "--json", job["job_id"])).json()
    assert json.loads(job["result"]["stdout"]["content"]) == ["util", "a=b", ["-v"], "from a file"]
    assert job["labels"] == {"of": "me", "and": "you"}
    assert (job["limits"]["memory_bytes"], job["limits"]["wall_ms"]) == (MEMORY, 9000)
    listed = (await call(local, "ls", "--json", "--label", "and=you", "--language", "py")).json()["jobs"]
    assert job["job_id"] in {each["job_id"] for each in listed}


@pytest.mark.full
async def test_a_program_may_come_on_standard_input(local: User, source: Path) -> None:
    ran = await call(
        local,
        *("run", "--language", "python", "--stdin", "in.txt", "-", "x"),
        stdin=b"import sys\nprint(sys.argv[1:], input())\n",
        cwd=source,
    )
    assert (ran.code, ran.stdout) == (0, b"['x'] from a file\n"), ran.stderr
    alone = await call(local, "run", "--language", "bash", "-", stdin=b"cat; exit 4\n")
    assert (alone.code, alone.stdout) == (4, b"")
    submitted = await call(local, "submit", "--language", "python", "-", stdin=b"raise SystemExit(5)\n")
    assert (await call(local, "wait", submitted.stdout.decode().strip())).code == 5
    unnamed = await call(local, "run", "-", stdin=b"print()")
    assert (unnamed.code, b"--language" in unnamed.stderr) == (2, True)
    both = await call(local, "run", "--language", "bash", "--stdin", "-", "-", stdin=b"true")
    assert (both.code, both.stderr.count(b"\n")) == (2, 1)


@pytest.mark.full
async def test_submit_reads_standard_input_only_when_told(local: User, source: Path) -> None:
    """A loop that submits each line of its own input would lose the rest of it."""
    (source / "cat.sh").write_text("cat")

    async def printed(*words: object) -> str:
        job = await call(local, "submit", *words, source / "cat.sh", stdin=b"ours")
        ended = (await call(local, "wait", "--json", job.stdout.decode().strip())).json()
        content: Any = ended["result"]["stdout"]["content"]
        return str(content)

    assert await printed() == ""
    assert await printed("--stdin", "-") == "ours"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--env", "WORD"], "NAME=VALUE"),
        (["--label", "=x"], "NAME=VALUE"),
        (["--memory", "much"], "no size"),
        (["--file", "nowhere"], "nowhere"),
        (["--stdin", "nowhere"], "nowhere"),
    ],
)
@pytest.mark.full
async def test_what_cannot_be_meant_is_refused(
    local: User, source: Path, words: list[str], said: str
) -> None:
    for command in ("run", "submit"):
        refused = await call(local, command, *words, "src/main.py", cwd=source)
        assert refused.code == 2
        assert said in refused.stderr.decode()
