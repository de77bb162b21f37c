"""``headrace logs JOB``: what a job has printed, byte by byte, as it comes or as it was kept."""

import sys
from contextlib import aclosing

from headrace.cli.run import Printer, content_of, print_json
from headrace.client.client import AsyncClient


class Pieces:
    """A stream of a printer that writes each piece as a JSON object."""

    def __init__(self, stage: str, stream: str) -> None:
        """Of one stage's stream."""
        self._place = {"stage": stage, "stream": stream}

    def write(self, piece: bytes) -> object:
        """One object, unless there is nothing to tell."""
        if piece:
            print_json({**self._place, **content_of(piece)})
        return len(piece)

    def flush(self) -> None:
        """Nothing is held back."""


def _printer(*, as_json: bool) -> Printer:
    if not as_json:
        return Printer(sys.stdout.buffer, sys.stderr.buffer)
    return Printer(sys.stdout.buffer, sys.stderr.buffer, Pieces)


async def show_logs(client: AsyncClient, job_id: str, *, follow: bool, as_json: bool = False) -> None:
    """Write what there is so far, or with `follow` all of it until the job ends.

    A finished job's output is read from its result; only that of a running one from the feed.
    """
    printer = _printer(as_json=as_json)
    job = await client.get(job_id)
    if not job.is_finished:
        await _show_feed(client, job_id, printer, follow=follow)
        job = await client.get(job_id)
    printer.finish(job.result)


async def _show_feed(client: AsyncClient, job_id: str, printer: Printer, *, follow: bool) -> None:
    told = False
    async with aclosing(client.follow(job_id, until_now=not follow)) as events:
        async for event in events:
            printer.show(event)
            if printer.held_back is not None and not told:
                told = True
                print(f"headrace: {printer.held_back}", file=sys.stderr)  # noqa: T201 - the command line's own output
