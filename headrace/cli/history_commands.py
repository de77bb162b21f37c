"""Commands that read the log back: replay, state at a moment, export to a file, and verification."""

import re
from collections.abc import AsyncGenerator
from contextlib import aclosing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated

import typer

from headrace.cli.job_commands import ask, open_command_client, show_events
from headrace.cli.job_ids import find_job
from headrace.cli.known import nearest
from headrace.cli.listings import states_listing
from headrace.cli.render import harmless
from headrace.cli.run import print_json
from headrace.cli.runner import AsJson, Data, User, console, finish, tell_failure
from headrace.cli.scopes import AUDIT, JOBS
from headrace.client import endpoint
from headrace.client.client import AsyncClient
from headrace.history.check import Checked, Compared, Comparison, check_history
from headrace.history.file import DamagedError, Header, write_history
from headrace.history.replay import SpeedError, paced, parse_speed, states_at
from headrace.local.stack import DEFAULT_DIRECTORY
from shared.contract.codec import EventObject
from shared.contract.subjects import is_job_id
from shared.domain.events import Event

EXIT_DIFFERS = 1
KINDS = tuple(str(kind.__struct_config__.tag).split(".")[1] for kind in Event.__args__)
"""Names of the log's event types."""

A_MOMENT = timedelta(microseconds=1)


def _time(text: str) -> datetime:
    try:
        time = datetime.fromisoformat(text)
    except ValueError:
        time = None
    if time is None or time.tzinfo is None:
        raise typer.BadParameter(f"{text!r} is not a time with its zone, such as 2026-01-02T03:04:05Z")
    return time


def _moment(text: str) -> int | datetime:
    return int(text) if text.isascii() and text.isdigit() and len(text) <= 18 else _time(text)


def _speed(text: str) -> str:
    try:
        parse_speed(text)
    except SpeedError as error:
        raise typer.BadParameter(str(error)) from error
    return text


def _kinds(kinds: list[str] | None) -> list[str] | None:
    for text in kinds or ():
        kind = text.split(".")[1] if re.fullmatch(r"job\.[a-z_]+\.v\d+", text) else text
        if kind not in KINDS:
            raise typer.BadParameter(f"{text!r} is no type of events{nearest(kind, KINDS)}")
    return kinds


From = Annotated[datetime | None, typer.Option("--from", parser=_time, help="Stored then or later.")]
To = Annotated[datetime | None, typer.Option("--to", parser=_time, help="Stored before.")]
Everyone = Annotated[bool, typer.Option("--all", help="Every user; needs the scope audit:all.")]
Of = Annotated[str | None, typer.Option(help="Another user's; needs the scope audit:all.")]


def replay(
    after: Annotated[int, typer.Option(min=0, help="A sequence of the log.")] = 0,
    stored_from: From = None,
    stored_to: To = None,
    types: Annotated[
        list[str] | None, typer.Option("--type", callback=_kinds, help="For example failed; may be repeated.")
    ] = None,
    job: Annotated[str | None, typer.Option("--job", help="Its id, or the beginning of it.")] = None,
    everyone: Everyone = False,
    of: Of = None,
    speed: Annotated[
        str, typer.Option(callback=_speed, help="live, how many times faster, or max: at once.")
    ] = "max",
    at: Annotated[
        str | None, typer.Option(help="Show how the jobs stood at a sequence or a time instead.")
    ] = None,
    data: Data = DEFAULT_DIRECTORY,
    user: User = endpoint.LOCAL_USER,
    as_json: AsJson = False,
) -> None:
    """Read all events back from the log, in order."""
    until = None if at is None else _moment(at)
    if until is not None and (after or stored_from or stored_to or types):
        raise typer.BadParameter("--at tells of whole jobs: it goes with --job, --all and --of alone")

    if job is not None and not is_job_id(job) and (everyone or of):
        raise typer.BadParameter("with --all and --of, --job takes a whole id: only your own jobs are listed")

    async def call(client: AsyncClient) -> None:
        job_id = None if job is None else await find_job(client, job)
        events = client.replay(
            after=after,
            kind=types,
            job_id=job_id,
            stored_from=stored_from,
            stored_to=until + A_MOMENT if isinstance(until, datetime) else stored_to,
            user_id=of,
            everyone=everyone,
        )
        async with aclosing(events):
            if until is not None:
                await _show_states(events, until, as_json=as_json)
            else:
                async with aclosing(paced(events, parse_speed(speed))) as due:
                    await show_events(due, as_json=as_json)

    ask(data, user, call, scope=_scope(user, of, everyone=everyone), as_json=as_json)


async def _show_states(
    events: AsyncGenerator[EventObject, None], until: int | datetime, *, as_json: bool
) -> None:
    jobs = (await states_at(events, until)).jobs
    print_json({"jobs": list(jobs)}) if as_json else states_listing(jobs).show(console)


def export(
    file: Annotated[Path, typer.Argument(dir_okay=False)],
    stored_from: From = None,
    stored_to: To = None,
    everyone: Everyone = False,
    of: Of = None,
    force: Annotated[bool, typer.Option(help="Replace a file of this name.")] = False,
    data: Data = DEFAULT_DIRECTORY,
    user: User = endpoint.LOCAL_USER,
    as_json: AsJson = False,
) -> None:
    """Write a history to a file that `headrace verify` can check; it is there when it is whole."""
    if file.exists() and not force:
        raise typer.BadParameter(f"{file} exists; --force replaces it")

    async def call(client: AsyncClient) -> None:
        header = Header(
            user=of, all=everyone, stored_from=stored_from, stored_to=stored_to, made_at=datetime.now(UTC)
        )
        events = client.replay(stored_from=stored_from, stored_to=stored_to, user_id=of, everyone=everyone)
        async with aclosing(events):
            trailer = await write_history(file, header, events, force=force)
        if as_json:
            print_json(trailer)
        else:
            console.print(f"{trailer.events} events, sha256 {trailer.sha256}")

    ask(data, user, call, scope=_scope(user, of, everyone=everyone), as_json=as_json)


def _scope(user: str, of: str | None, *, everyone: bool) -> str:
    """The scope that a history needs: for the caller's own jobs, or for those of others."""
    return AUDIT if everyone or of not in {None, user} else JOBS


def verify(
    file: Annotated[Path, typer.Argument(dir_okay=False)],
    against_log: Annotated[
        bool, typer.Option("--against-log", help="Compare with what the log says now, too.")
    ] = False,
    data: Data = DEFAULT_DIRECTORY,
    user: User = endpoint.LOCAL_USER,
    as_json: AsJson = False,
) -> None:
    """Check a history file: 0 if it is what was exported, 1 if not, 2 if that could not be told."""

    async def alone() -> int:
        try:
            checked = check_history(file)
        except DamagedError as error:
            return _report_damage(error, as_json=as_json)
        print_json(checked) if as_json else _tell(checked)
        return 0

    async def compare_with_log() -> int:
        try:
            comparison = Comparison(file)
        except DamagedError as error:
            return _report_damage(error, as_json=as_json)
        found = await _compare(comparison, data, user)
        if as_json:
            print_json({"file": comparison.checked, "log": found})
        else:
            _tell(comparison.checked)
            _tell_comparison(found)
        return EXIT_DIFFERS if found.differences_count else 0

    finish(compare_with_log() if against_log else alone(), as_json=as_json)


async def _compare(comparison: Comparison, data: Path, user: str) -> Compared:
    header = comparison.header
    async with open_command_client(data, user, _scope(user, header.user, everyone=header.all)) as client:
        stored = client.replay(
            stored_from=header.stored_from,
            user_id=None if header.all else header.user,
            everyone=header.all,
        )
        async with aclosing(stored):
            return await comparison.compare(stored)


def _report_damage(error: DamagedError, *, as_json: bool) -> int:
    tell_failure(error, as_json=as_json)
    return EXIT_DIFFERS


def _tell(checked: Checked) -> None:
    console.print(
        f"whole: {checked.events} events of {checked.jobs} jobs, {checked.finished} of them finished"
        + (f"; {checked.begun_before} began before the file" if checked.begun_before else "")
    )


def _tell_comparison(found: Compared) -> None:
    console.print(f"{found.same} events are in the log as in the file")
    if found.expired_events:
        console.print(
            f"{found.expired_events} events are missing from the log because their {found.expired_jobs} jobs "
            "have expired"
        )
    for difference in found.differences:
        console.print(harmless(difference))
    if more := found.differences_count - len(found.differences):
        console.print(f"and {more} more")
