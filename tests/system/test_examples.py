"""Each program of examples/ does what examples/README.md says, as it is, beside a real stack."""

import json
import re
import shlex
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from headrace.local.nats_server import free_port
from headrace.local.supervisor import Stack
from tests.hosts import OFFERED, needs_node
from tests.system.examples import EXAMPLES, README, ROOT, served, stack_for_pages, start

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.full]

BROWSER = Path(__file__).with_name("classroom.mjs")
GREETING = 'print("Hello, " + input() + "!")'
ENDLESS = "import time\nprint('begun', flush=True)\ntime.sleep(600)"
COUNTING = "for number in range(2000):\n    print(number, flush=True)"


@pytest.fixture(scope="module")
def page_port() -> int:
    return free_port()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def stack(page_port: int, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Stack]:
    async with stack_for_pages(tmp_path_factory.mktemp("examples") / "data", page_port) as running:
        yield running


async def said(process: Process, given: str = "") -> list[str]:
    """Its lines; it ends well and says nothing else."""
    stdout, stderr = await process.communicate(given.encode() or None)
    assert (process.returncode, stderr.decode()) == (0, "")
    return stdout.decode().splitlines()


# A class


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def page(stack: Stack, page_port: int) -> AsyncIterator[str]:
    async with served(stack, EXAMPLES / "classroom", "ada", page_port) as url:
        yield url


async def press_run(stack: Stack, page: str, **scenario: Any) -> dict[str, Any]:  # noqa: ANN401 - JSON
    (line,) = await said(await start(stack, "node", BROWSER, page, json.dumps(scenario)))
    shown: dict[str, Any] = json.loads(line)
    return shown


@needs_node
async def test_a_student_sees_what_the_program_prints(stack: Stack, page: str) -> None:
    shown = await press_run(stack, page, code=GREETING, input="Ada")
    assert shown["status"][:2] == ["ready", "waiting for its turn"]
    assert re.fullmatch(r"completed in \d+ ms", shown["status"][-1])
    assert shown["output"] == ["", "Hello, Ada!\n"]
    assert {*shown["languages"]} == OFFERED


@needs_node
async def test_a_student_stops_a_program_that_goes_on(stack: Stack, page: str) -> None:
    shown = await press_run(stack, page, code=ENDLESS, stop_at="begun")
    assert shown["status"][-2:] == ["running", "stopped"]
    assert shown["output"][-1] == "begun\n"


@needs_node
async def test_nothing_is_missing_or_shown_twice_after_a_broken_connection(stack: Stack, page: str) -> None:
    shown = await press_run(stack, page, code=COUNTING, break_after=2000)
    assert shown["streams"] == 2
    assert shown["output"][-1] == "".join(f"{number}\n" for number in range(2000))


@needs_node
@pytest.mark.parametrize(
    ("language", "code", "ending"),
    [
        ("python", "raise SystemExit(3)", "ended with exit code 3"),
        ("python", "print('x' * 10_000_000)", "failed: output limit"),
        ("klingon", "qapla", ".*'klingon'.*"),
    ],
)
async def test_a_student_is_told_what_went_wrong(
    stack: Stack, page: str, language: str, code: str, ending: str
) -> None:
    shown = await press_run(stack, page, language=language, code=code)
    assert re.fullmatch(ending, shown["status"][-1])


@needs_node
async def test_a_page_of_another_origin_is_told_nothing(stack: Stack, page: str) -> None:
    shown = await press_run(stack, page.replace("127.0.0.1", "localhost"), code=GREETING)
    assert shown["status"] == ["Failed to fetch"]


# A contest

SUBMISSIONS = {
    "right python": ("a, b = map(int, input().split())\nprint(a + b)", "accepted"),
    "short bash": ("read a b; echo $((a + b))", "wrong answer, case 3"),
    "slow python": ("while True: pass", "time limit, case 1"),
    "broken c": ("int main( { }", "compile error, case 1"),
    "dying python": ("a, b = map(int, input().split())\nprint([a + b][a < 0])", "runtime error, case 2"),
    "greedy python": ("x = bytearray(1 << 30)", "memory limit, case 1"),
}


async def test_the_judge_says_what_became_of_each_submission(stack: Stack, tmp_path: Path) -> None:
    lines, expected = "", []
    for name, (code, verdict) in SUBMISSIONS.items():
        submission, language = name.split()
        (tmp_path / submission).write_text(code)
        lines += f"{submission} {language} {tmp_path / submission}\n"
        expected.append(f"{submission} {verdict}")
    command = sys.executable, EXAMPLES / "contest/judge.py", EXAMPLES / "contest/problem.toml"
    assert await said(await start(stack, *command, stdin=PIPE), lines) == expected
    before = await jobs_of(stack)
    assert await said(await start(stack, *command, stdin=PIPE), lines) == expected
    assert await jobs_of(stack) == before, "a judge that starts again runs nothing again"


async def jobs_of(stack: Stack) -> list[str]:
    command = "-m", "headrace", "ls", "--json", "--limit", "100"
    return await said(await start(stack, sys.executable, *command))


# A bot


async def test_the_bot_answers_with_what_the_code_printed(stack: Stack) -> None:
    texts = {
        "maths": "what is this?\n```python\nprint(6 * 7)\n```",
        "chat": "no code here",
        "shell": "```bash\nprintf '\\140\\140\\140\\n' >&2; exit 3\n```",
        "forever": f"```python\n{'x = 0' * 1}\nwhile True: x += 1\n```",
        "unknown": "```klingon\nqapla\n```",
    }
    given = "".join(json.dumps({"room": room, "text": text}) + "\n" for room, text in texts.items())
    bot = await start(stack, sys.executable, EXAMPLES / "bot/bot.py", stdin=PIPE)
    replies = [json.loads(line) for line in await said(bot, given)]
    last = {reply["room"]: reply["text"] for reply in replies}
    assert {reply["room"]: reply["id"] for reply in replies} == {
        "maths": 1,
        "shell": 3,
        "forever": 4,
        "unknown": 5,
    }
    assert next(reply["text"] for reply in replies if reply["room"] == "maths") == "running …"
    assert re.fullmatch(r"done in \d+ ms\n```\n42\n\n```", last["maths"])
    assert last["shell"] == "exit code 3\n```\n`\u200b``\n\n```"
    # Which limit comes first depends on how busy the machine is.
    assert last["forever"] in {"timeout (cpu_time)", "timeout (wall_time)"}
    assert last["unknown"].startswith("not run: ")


async def test_the_readme_names_every_example() -> None:
    commands = [shlex.split(line) for line in re.findall(r"^python (examples/.*)$", README, re.MULTILINE)]
    named = {ROOT / command[0] for command in commands}
    assert named == {*EXAMPLES.rglob("*.py")}
