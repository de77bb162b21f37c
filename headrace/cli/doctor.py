"""``headrace doctor``: shows what this machine supports, and what would be refused here."""

import asyncio
import os
import sys
from asyncio.subprocess import PIPE
from typing import Any

import msgspec
from rich.table import Table

from headrace.cli.render import Screen
from headrace.local.nats_server import NatsServerError, find_binary


async def examine() -> dict[str, Any]:
    """Run the executor's own checks, in a process that is started as the stack would start it."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "services.executor", "facts", stdout=PIPE, stderr=PIPE
    )
    stdout, stderr = await process.communicate()
    try:
        facts: dict[str, Any] = msgspec.json.decode(stdout)
    except msgspec.MsgspecError:
        words = stderr.decode(errors="replace").strip().splitlines()
        facts = {"refusal": words[-1] if words else f"it ended with {process.returncode}", "languages": {}}
    return {**facts, "nats_server": _nats_server(), "user": os.geteuid(), "processors": os.cpu_count()}


def report(facts: dict[str, Any], console: Screen) -> None:
    """Print the facts for people."""
    table = Table(box=None, show_header=False)
    table.add_row("nats-server", facts["nats_server"] or "[red]not found[/]")
    table.add_row("processors", str(facts["processors"]))
    table.add_row("executor runs as", "root" if facts["user"] == 0 else f"uid {facts['user']}")
    isolation = facts.get("isolation")
    if isolation is not None:
        table.add_row("cells run as", _users(isolation))
        table.add_row("namespaces", ", ".join(isolation["namespaces"]))
        table.add_row("cgroup", _or_missing(isolation["cgroup"] != "none", isolation["cgroup"]))
        shared = "a cell" if isolation["processor_shares"] else "a process: a cell of many gets more"
        table.add_row("processors divided by", shared)
        table.add_row(
            "seccomp", _or_missing(isolation["seccomp"] is not None, str(isolation["seccomp"])[:16])
        )
    for name, version in sorted(facts["languages"].items()):
        table.add_row(name, version or "[dim]not here[/]")
    console.print(table)
    for sentence in facts.get("shares", ()):
        console.print(f"[yellow]shared:[/] {sentence}")
    if facts["refusal"] is None:
        console.print("[green]an executor would start here[/]")
    else:
        console.print(f"[red]an executor would refuse to start:[/] {facts['refusal']}", markup=True)


def _users(isolation: dict[str, Any]) -> str:
    first, many = isolation["uid"], isolation["uids"]
    return f"uid {first} to {first + many - 1}, each its own" if many > 1 else f"uid {first}, all of them"


def _or_missing(present: bool, text: str) -> str:
    return text if present else "[yellow]none[/]"


def _nats_server() -> str | None:
    try:
        return str(find_binary())
    except NatsServerError:
        return None
