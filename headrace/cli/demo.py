"""``headrace demo``: runs programs, shows their events live, and reads the same history from the log.

It succeeds only if the events seen live equal those in the log, one by one.
"""

import asyncio
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from headrace.cli.render import Screen, event_line
from headrace.cli.run import print_json
from headrace.client.client import AsyncClient
from headrace.client.models import kind_of
from shared.contract.codec import EventObject
from shared.contract.subjects import TERMINAL_KINDS

TIMEOUT_S = 120.0


@dataclass(frozen=True, slots=True)
class Program:
    """One program of the demo, and its expected end."""

    name: str
    language: str
    code: str
    expected: str = "completed"
    options: dict[str, Any] = field(default_factory=dict)


PROGRAMS = (
    Program(
        "python hello",
        "python",
        "import sys\nprint('hello from python', sys.version_info[:2])\n",
    ),
    Program(
        "python primes",
        "python",
        "import time\n"
        "for n in range(2, 30):\n"
        "    if all(n % d for d in range(2, n)):\n"
        "        print(n, end=' ', flush=True)\n"
        "        time.sleep(0.02)\n"
        "print()\n",
    ),
    Program(
        "javascript sum",
        "javascript",
        "console.log('sum', [1, 2, 3].reduce((a, b) => a + b));\n",
    ),
    Program("bash stdin", "bash", 'read -r line; echo "bash read: $line"\n', options={"stdin": "a line\n"}),
    Program(
        "c args",
        "c",
        "#include <stdio.h>\n"
        'int main(int n, char **a) { printf("c has %d argument: %s\\n", n - 1, a[1]); }\n',
        options={"args": ["forty-two"]},
    ),
    Program("python fails", "python", "raise SystemExit(3)\n", expected="failed"),
    Program(
        "bash loops for ever",
        "bash",
        "echo started; while :; do :; done\n",
        expected="timeout",
        options={"limits": {"wall_ms": 1000}},
    ),
)


async def run_demo(client: AsyncClient, console: Screen, *, as_json: bool = False) -> bool:
    """Run the programs; True if all ended as expected and the replay equals the live events.

    With `as_json` each event is an object, and so is the outcome; `console` is then best a quiet one.
    """
    offered = {language.name for language in await client.languages()}
    programs = [program for program in PROGRAMS if program.language in offered]
    for missing in sorted({program.language for program in PROGRAMS} - offered):
        console.print(f"[dim]{missing} is not on this machine, so its program is left out[/]")
    began = datetime.now(UTC)
    names: dict[str, Program] = {}
    live = asyncio.create_task(_watch(client, console, names, len(programs), began, as_json=as_json))
    try:
        for program in programs:
            job = await client.submit({"language": program.language, "code": program.code, **program.options})
            names[job.job_id] = program
        async with asyncio.timeout(TIMEOUT_S):
            seen = await live
    finally:
        live.cancel()
        await asyncio.gather(live, return_exceptions=True)
    endings_right = _check_endings(console, seen, names)
    replayed = [event async for event in client.replay() if event.job_id in names]
    identical = _without_cursors(seen) == _without_cursors(replayed)
    console.print()
    console.print(f"{len(seen)} events seen live, {len(replayed)} read back from the log")
    console.print("[green]replay identical[/]" if identical else "[red]replay differs[/]")
    if as_json:
        print_json(
            {
                "live": len(seen),
                "replayed": len(replayed),
                "ended_as_expected": endings_right,
                "replay_identical": identical,
            }
        )
    return endings_right and identical


async def _watch(
    client: AsyncClient,
    console: Screen,
    names: dict[str, Program],
    count: int,
    began: datetime,
    *,
    as_json: bool,
) -> list[EventObject]:
    """Show every event until `count` jobs have ended; returns those of the log."""
    seen: list[EventObject] = []
    ended: set[str] = set()
    async for event in client.follow("*", after="start"):
        if event.stored_at < began:
            continue
        # The first event of a job may arrive before the response to its submission.
        program = names.get(event.job_id)
        if as_json:
            print_json(event)
        console.print(event_line(event, program.name if program else event.job_id[-12:], began))
        if event.seq is not None:
            seen.append(event)
            if kind_of(event) in TERMINAL_KINDS:
                ended.add(event.job_id)
        if len(ended) >= count:
            break
    return seen


def _check_endings(console: Screen, seen: list[EventObject], names: dict[str, Program]) -> bool:
    endings = {event.job_id: kind_of(event) for event in seen}
    right = True
    for job_id, program in names.items():
        if endings.get(job_id) != program.expected:
            console.print(f"[red]{program.name} ended as {endings.get(job_id)}, not {program.expected}[/]")
            right = False
    return right


def _without_cursors(events: list[EventObject]) -> list[tuple[int | None, str, str, str, dict[str, Any]]]:
    """What must be equal live and in the log: everything but the cursor."""
    return [(event.seq, event.type, event.job_id, event.time, event.data) for event in events]
