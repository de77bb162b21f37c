"""Where options stand, and what is said of those that do not exist. No stack is needed to be refused."""

from pathlib import Path

import pytest

from tests.system.conftest import User
from tests.system.test_cli import headrace, of

ECHO = "import sys\nprint(sys.argv[1:])\n"
BEHIND = [
    ([], []),
    (["a", "--json", "-h"], ["a", "--json", "-h"]),
    (["--wall-ms", "1"], ["--wall-ms", "1"]),
    (["--", "--data", "x"], ["--data", "x"]),
    (["--", "--"], ["--"]),
    (["a", "--", "b"], ["a", "--", "b"]),
]


@pytest.mark.full
async def test_what_stands_behind_the_file_is_the_programs(alice: User, tmp_path: Path) -> None:
    program = tmp_path / "echo.py"
    program.write_text(ECHO)
    for words, expected in BEHIND:
        ran = await of(alice, "run", "--wall-ms", "5000", program, *words)
        assert (ran.code, ran.stdout.decode()) == (0, f"{expected}\n"), words
    between = await of(alice, "run", "--wall-ms", "5000", "--", program, "--json")
    assert between.stdout == b"['--json']\n"
    job = await of(alice, "submit", "--key", "k", program, "--key", "other", "--", "x")
    waited = await of(alice, "wait", "--json", job.stdout.decode().strip())
    assert waited.json()["args"] == ["--key", "other", "--", "x"]


@pytest.mark.parametrize(
    ("command", "option", "nearest"),
    [
        ("run", "--langauge", "--language"),
        ("submit", "--ky", "--key"),
        pytest.param("run", "--wallms", "--wall-ms", marks=pytest.mark.full),
        pytest.param("run", "--jsn", "--json", marks=pytest.mark.full),
        pytest.param("submit", "--langauge", "--language", marks=pytest.mark.full),
        pytest.param("submit", "--jsn", "--json", marks=pytest.mark.full),
    ],
)
async def test_an_unknown_option_before_the_file_is_an_error(
    tmp_path: Path, command: str, option: str, nearest: str
) -> None:
    program = tmp_path / "never.sh"
    program.write_text("echo ran")
    refused = await headrace(command, option, program, cwd=tmp_path)
    assert (refused.code, refused.stdout) == (2, b"")
    said = refused.stderr.decode()
    assert option in said
    assert nearest in said
    assert "Traceback" not in said
