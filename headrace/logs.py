"""``headrace logs JOB``: what a job has printed, byte by byte, as it comes or as it was kept."""

import sys
from contextlib import aclosing

from headrace.client import AsyncClient
from headrace.run import Printer
from headrace.subscription import Gap


async def show_logs(client: AsyncClient, job_id: str, *, follow: bool) -> None:
    """Write what there is so far, or with `follow` all of it until the job ends.

    A finished job's output is read from its result; only that of a running one from the feed.
    """
    printer = Printer(sys.stdout.buffer, sys.stderr.buffer)
    job = await client.get(job_id)
    if not job.is_finished:
        shown = client.follow(job_id, until_now=not follow, on_gap=_say_what_is_missing)
        async with aclosing(shown) as events:
            async for event in events:
                printer.show(event)
        job = await client.get(job_id)
    printer.finish(job.result)


def _say_what_is_missing(gap: Gap) -> None:
    # The order of the bytes is the program's: what comes now is held back for the result.
    print("headrace: output is not kept for so long; all of it comes when the job ends", file=sys.stderr)  # noqa: T201 - the command line's own output
