"""Client calls that are not about the caller's own jobs: sessions, usage, and operators' calls."""

import base64
import hashlib
from collections.abc import AsyncGenerator
from urllib.parse import quote

from headrace.client.calling import OpenedClient, decode, params_of
from headrace.client.models import (
    Erasure,
    JobShown,
    JobsPage,
    Session,
    SessionCard,
    Sessions,
    UploadedFile,
    UploadedFiles,
    Usage,
)
from shared.domain.record import JobSummary

PAGE = 100


class OperatorCalls(OpenedClient):
    """Calls about all users; the token needs the scope `ops`."""

    async def erase(self, user_id: str) -> Erasure:
        """Begin or continue to erase a user; call it until it is done."""
        return decode(await self._ready.calls.call("DELETE", f"/v1/users/{quote(user_id, safe='')}"), Erasure)

    async def dead_letters(self, *, cursor: str | None = None, limit: int | None = None) -> JobsPage:
        """A page of all users' dead letters (jobs whose executor was lost too often), newest first."""
        return await self._get("/v1/dead-letters", JobsPage, params_of({"cursor": cursor, "limit": limit}))

    async def every_dead_letter(self) -> AsyncGenerator[JobSummary, None]:
        """The dead letters of all pages."""
        page = await self.dead_letters(limit=PAGE)
        while True:
            for job in page.jobs:
                yield job
            if page.next is None:
                return
            page = await self.dead_letters(cursor=page.next, limit=PAGE)

    async def retry(self, job_id: str) -> JobShown:
        """Submit a dead letter's program again for its user. Idempotent: repeated calls return the same
        new job."""
        path = f"/v1/dead-letters/{quote(job_id, safe='')}/retry"
        return decode(await self._ready.calls.call("POST", path), JobShown)


class OwnCalls(OpenedClient):
    """Calls about what the caller has beside jobs."""

    async def sessions(self) -> tuple[SessionCard, ...]:
        """The caller's saved documents, last saved first, without their content."""
        return (await self._get("/v1/sessions", Sessions)).sessions

    async def session(self, session_id: str, *, revision: int | None = None) -> Session:
        """One saved document, at its last or an earlier revision."""
        path = f"/v1/sessions/{quote(session_id, safe='')}"
        return await self._get(path, Session, params_of({"revision": revision}))

    async def put_file(self, content: bytes) -> UploadedFile:
        """Upload a file, to be named in submissions; the same content again renews it."""
        digest = base64.b64encode(hashlib.sha256(content).digest()).decode()
        headers = {"Content-Type": "application/octet-stream", "Repr-Digest": f"sha-256=:{digest}:"}
        stored = await self._ready.calls.call("PUT", "/v1/files", content=content, headers=headers)
        return decode(stored, UploadedFile)

    async def files(self) -> tuple[UploadedFile, ...]:
        """The caller's uploaded files, last uploaded first."""
        return (await self._get("/v1/files", UploadedFiles)).files

    async def delete_file(self, file: str) -> None:
        """Remove an uploaded file, by its address."""
        await self._ready.calls.call("DELETE", f"/v1/files/{quote(file, safe=':')}")

    async def usage(self) -> Usage:
        """What the caller holds of everything that users share, and may hold at present."""
        return await self._get("/v1/usage", Usage)
