"""Resolves a job id from a unique prefix.

A whole id is taken as it is. A prefix is looked up among all jobs that the api lists, page by page.
"""

from collections.abc import AsyncIterator, Iterable

from headrace.client.client import AsyncClient
from headrace.client.errors import HeadraceError
from shared.contract.subjects import is_job_id
from shared.domain.record import JobSummary

PAGE = 100
NAMED_MAX = 10
_LETTERS = frozenset("0123456789abcdef-")


class JobIdError(HeadraceError):
    """The text is the prefix of no job's id, or of several."""


async def find_job(client: AsyncClient, text: str) -> str:
    """The id of the caller's job with this prefix. Raises JobIdError, HeadraceError."""
    return await find_among(text, client.every_job(limit=PAGE))


async def find_among(text: str, jobs: AsyncIterator[JobSummary]) -> str:
    """The same among these jobs; none is read if `text` is a whole id, or cannot be a prefix of one."""
    if is_job_id(text):
        return text
    if not text or not _LETTERS.issuperset(text):
        raise JobIdError(f"you have no job of this id: {text!r}")
    return choose(text, [job.job_id async for job in jobs if job.job_id.startswith(text)])


def choose(text: str, ids: Iterable[str]) -> str:
    """The only one of these. Raises JobIdError, which lists them if there are several."""
    found = list(ids)
    if len(found) == 1:
        return found[0]
    if not found:
        raise JobIdError(f"you have no job of this id: none begins with {text!r}")
    more = f" and {len(found) - NAMED_MAX} more" if len(found) > NAMED_MAX else ""
    raise JobIdError(f"{len(found)} jobs begin with {text!r}: {', '.join(found[:NAMED_MAX])}{more}")
