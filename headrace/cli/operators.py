"""Commands of operators, about jobs of all users and about users. They use a token of the scope ops."""

from datetime import UTC, datetime
from typing import Annotated

import typer

from headrace.cli.erase import erase_user
from headrace.cli.job_commands import ask
from headrace.cli.job_ids import find_among
from headrace.cli.listing import Cell, Column, Listing
from headrace.cli.listings import JOB, LANGUAGE
from headrace.cli.readable import ago
from headrace.cli.run import print_json
from headrace.cli.runner import AsJson, Data, Job, console
from headrace.cli.scopes import OPS
from headrace.client import endpoint
from headrace.client.client import AsyncClient
from headrace.local.stack import DEFAULT_DIRECTORY
from shared.domain.record import JobSummary

LETTERS = (
    JOB,
    Column("user", "user_id"),
    LANGUAGE,
    Column("attempts", "attempt", True),
    Column("lost", "finished_at"),
)


def dead_letters(
    limit: Annotated[int, typer.Option(min=1, max=100)] = 20,
    data: Data = DEFAULT_DIRECTORY,
    as_json: AsJson = False,
) -> None:
    """List jobs whose executor was lost too often, of all users, newest first; needs the scope ops."""

    async def call(client: AsyncClient) -> None:
        page = await client.dead_letters(limit=limit)
        if as_json:
            print_json(page)
        else:
            now = datetime.now(UTC)
            Listing(LETTERS, [_row(job, now) for job in page.jobs]).show(console)

    ask(data, endpoint.LOCAL_USER, call, scope=OPS, as_json=as_json)


def _row(job: JobSummary, now: datetime) -> list[Cell]:
    lost = Cell("") if job.finished_at is None else Cell(ago(job.finished_at, now), job.finished_at)
    return [Cell(job.job_id), Cell(job.user_id), Cell(job.language), Cell(str(job.attempt)), lost]


def retry(job: Job, data: Data = DEFAULT_DIRECTORY, as_json: AsJson = False) -> None:
    """Submit a dead letter's program again for its user, once, and print the new id; needs the scope ops."""

    async def call(client: AsyncClient) -> None:
        again = await client.retry(await find_among(job, client.every_dead_letter()))
        print_json(again) if as_json else console.print(again.job_id)

    ask(data, endpoint.LOCAL_USER, call, scope=OPS, as_json=as_json)


def erase(
    erased: Annotated[str, typer.Option("--user", help="Whose jobs, files and sessions are to go.")],
    data: Data = DEFAULT_DIRECTORY,
    as_json: AsJson = False,
) -> None:
    """Erase one user for good, and say what remains; needs the scope ops."""

    async def call(client: AsyncClient) -> None:
        done = await erase_user(client, erased)
        print_json(done) if as_json else console.print(f"erased; what remains: {'; '.join(done.remains)}")

    ask(data, endpoint.LOCAL_USER, call, scope=OPS, as_json=as_json)
