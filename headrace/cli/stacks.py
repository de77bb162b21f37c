"""Commands for this machine's stack: start it, stop it, remove its data."""

import asyncio
import os
import signal
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

import msgspec
import typer

from headrace.cli.run import print_json
from headrace.cli.runner import EXIT_NOT_DONE, AsJson, Data, console, finish, whole_path
from headrace.cli.waiting_line import WaitingLine
from headrace.client import endpoint as endpoints
from headrace.local.ending import remove_stack, stop_stack
from headrace.local.inherited import inherit
from headrace.local.stack import DEFAULT_DIRECTORY, StackError, is_claimed
from headrace.local.supervisor import StackOptions, run_stack

STARTING = "starting a stack"
WEBSOCKET = "/v1/ws"
"""Path of the WebSocket, on the api's port as well as on the notifier's own."""

Port = Annotated[int, typer.Option(min=0, max=65_535, help="0 takes a free one.")]


def up(
    data: Data = DEFAULT_DIRECTORY,
    api_port: Port = 8070,
    notifier_port: Port = 8071,
    executors: Annotated[int, typer.Option(min=1, max=64)] = 1,
    dialect: Annotated[
        list[str] | None,
        typer.Option(help="A dialect at a port of its own, as executions=8001; may be given several times."),
    ] = None,
    fast: Annotated[bool, typer.Option(help="Do not sync each event to disk.")] = False,
    as_json: AsJson = False,
) -> None:
    """Start nats-server and the four services, and keep them running until Ctrl-C or `headrace down`."""
    options = StackOptions(
        api_port=api_port,
        notifier_port=notifier_port,
        executors=executors,
        dialects=dialect or (),
        sync="fast" if fast else "always",
        environment=inherit_settings(),
    )
    finish(_up(data, options, as_json=as_json), as_json=as_json)


def inherit_settings() -> Mapping[str, str]:
    """The settings of this environment that the services get; reports those that are ignored."""
    found = inherit(os.environ)
    for line in found.lines():
        typer.echo(f"headrace: {line}", err=True)
    return found.settings


async def _up(data: Path, options: StackOptions, *, as_json: bool) -> int:
    with WaitingLine(quiet=as_json) as line:
        return await _serve(data, options, line, as_json=as_json)


async def _serve(data: Path, options: StackOptions, line: WaitingLine, *, as_json: bool) -> int:
    stopping = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stopping.set)

    def report(text: str) -> None:
        line.clear()
        typer.echo(f"headrace: {text}", err=True) if as_json else console.print(f"[yellow]{text}[/]")
        line.tell(STARTING)

    line.tell(STARTING, lasted_s=0)
    async with run_stack(data, options, report=report) as stack:
        line.close()
        token = endpoints.issue(data, endpoints.LOCAL_USER)
        if as_json:
            print_json({**msgspec.structs.asdict(stack.address), "data": whole_path(data), "token": token})
        else:
            endpoint = endpoints.local_endpoint(data, stack.address)
            console.print(f"api        {endpoint.api_url}  (docs: {endpoint.api_url}/docs)")
            console.print(f"websocket  {endpoints.websocket_at(endpoint.api_url, WEBSOCKET)}")
            for name, url in stack.address.dialects.items():
                console.print(f"{name:<10} {url}  (and its socket)")
            console.print(f"token      {token}")
            if options.sync == "fast":
                console.print("[yellow]fast: an operating-system crash may lose the last two minutes[/]")
            console.print("[dim]Ctrl-C stops everything; nothing that was accepted is lost[/]")
        await stopping.wait()
        if not as_json:
            console.print("[dim]stopping[/]")
    return 0


def down(data: Data = DEFAULT_DIRECTORY, as_json: AsJson = False) -> None:
    """Stop the stack of --data, and wait until it has ended; 0 also where none runs."""

    async def stop() -> int:
        pid = await stop_stack(data)
        if as_json:
            print_json({"data": whole_path(data), "stopped_pid": pid})
        else:
            console.print(f"stopped (pid {pid})" if pid else f"no stack runs in {data}")
        return 0

    finish(stop(), as_json=as_json)


def clean(
    data: Data = DEFAULT_DIRECTORY,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    as_json: AsJson = False,
) -> None:
    """Remove the data of a stopped stack for good: its jobs, their files, its secrets."""

    async def remove() -> int:
        if is_claimed(data):
            raise StackError(f"a stack runs in {data}: stop it with 'headrace down'")
        if not yes:
            if not sys.stdin or not sys.stdin.isatty():
                raise StackError("this cannot be undone, and nobody can be asked here: give --yes")
            if not typer.confirm(f"Remove all jobs, files and secrets in {data.absolute()}?", err=True):
                return EXIT_NOT_DONE
        remaining = remove_stack(data)
        if as_json:
            print_json({"data": whole_path(data), "remaining": remaining})
        else:
            kept = f"; not a stack's, and still there: {', '.join(remaining)}" if remaining else ""
            console.print(f"removed what the stack kept in {data}{kept}", markup=False)
        return 0

    finish(remove(), as_json=as_json)
