"""``headrace logs JOB``: prints a job's output byte by byte, live or as it was kept."""

import sys
from contextlib import aclosing

from headrace.cli.printer import Printer
from headrace.cli.run import print_json
from headrace.client.client import AsyncClient
from headrace.client.encoding import content_of


class Pieces:
    """An output stream of a printer that writes each piece as a JSON object."""

    def __init__(self, stage: str, stream: str) -> None:
        """For one stage's stream."""
        self._place = {"stage": stage, "stream": stream}

    def write(self, piece: bytes) -> object:
        """Write one object, unless the piece is empty."""
        if piece:
            print_json({**self._place, **content_of(piece)})
        return len(piece)

    def flush(self) -> None:
        """Does nothing: no piece is buffered."""


def _printer(*, as_json: bool) -> Printer:
    if not as_json:
        return Printer(sys.stdout.buffer, sys.stderr.buffer)
    return Printer(sys.stdout.buffer, sys.stderr.buffer, Pieces)


async def show_logs(client: AsyncClient, job_id: str, *, follow: bool, as_json: bool = False) -> None:
    """Print the output so far or, with `follow`, all of it until the job ends.

    A finished job's output is read from its result; only that of a running one from the feed.
    """
    printer = _printer(as_json=as_json)
    job = await client.get(job_id)
    if not job.is_finished:
        await _show_feed(client, job_id, printer, follow=follow)
        job = await client.get(job_id)
    printer.finish(job.result)


async def _show_feed(client: AsyncClient, job_id: str, printer: Printer, *, follow: bool) -> None:
    is_reported = False
    async with aclosing(client.follow(job_id, until_now=not follow)) as events:
        async for event in events:
            printer.show(event)
            if printer.held_back is not None and not is_reported:
                is_reported = True
                print(f"headrace: {printer.held_back}", file=sys.stderr)  # noqa: T201 - the command line's own output
