"""Submits and reads executions: equal ones of a session are one until it has ended."""

import hashlib
from dataclasses import dataclass
from typing import Final
from uuid import UUID

import msgspec
from starlette.requests import Request

from services.api.dependencies import ApiDependencies
from services.api.dialects.livecode.lanes import SessionLanes
from services.api.dialects.livecode.schemas import ExecutionBody
from services.api.dialects.programs import find_job, new_job, submit
from services.api.http.request_context import context_of
from services.api.jobs.queries import unknown_job
from services.api.jobs.submit import Submitted
from shared.auth import Caller
from shared.contract.subjects import run_slot_key
from shared.domain.record import JobRecord

FINGERPRINT_BYTES = 16
SLOTS: Final = 64
SLOT_ENTRIES_MAX: Final = 32
"""All slots of a user remember twice as many executions as a user may have unfinished by default."""

Slot = dict[bytes, bytes]
"""Ids of jobs by the fingerprints of their executions, 16 bytes each, oldest first."""

SESSION_LABEL = "session"


@dataclass(frozen=True, slots=True)
class Executions:
    """Executions of the api's users, and of those without a token."""

    deps: ApiDependencies
    lanes: SessionLanes

    async def submit(self, body: ExecutionBody, request: Request, caller: Caller) -> Submitted:
        """Submit a program, or find its unfinished execution of the same session. Raises ProblemError."""
        caller = self.lanes.of(caller, body.session_id)
        labels = {SESSION_LABEL: body.session_id} if body.session_id else {}
        new = new_job(self.deps.settings, body.code, body.language, labels=labels)
        if not body.session_id or "idempotency-key" in request.headers:
            return await submit(self.deps, request, caller, new)
        job_id = await self._job_id(body, caller)
        return await self.deps.submissions.submit_as(job_id, new, caller, context_of(request))

    async def read(self, execution_id: str, caller: Caller) -> JobRecord:
        """The caller's execution; without a token, that of any session. Raises ProblemError (404)."""
        if caller is not self.lanes.anonymous:
            return await find_job(self.deps, caller, execution_id)
        owner = await self.deps.queries.owner(execution_id)
        if not self.lanes.owns(owner):
            raise unknown_job()
        return await self.deps.queries.job(owner, execution_id)

    async def _job_id(self, body: ExecutionBody, caller: Caller) -> str:
        described = msgspec.json.encode([body.session_id, body.language, body.code])
        fingerprint = hashlib.sha256(described).digest()[:FINGERPRINT_BYTES]
        slot = run_slot_key(caller.user_id, fingerprint[0] % SLOTS)

        def earlier_of(kept: bytes | None) -> str | None:
            job_id = _decode(kept).get(fingerprint)
            return None if job_id is None else str(UUID(bytes=job_id))

        def record_of(kept: bytes | None, job_id: str) -> bytes:
            others = [entry for entry in _decode(kept).items() if entry[0] != fingerprint]
            newest = (fingerprint, UUID(job_id).bytes)
            return msgspec.msgpack.encode(dict([*others, newest][-SLOT_ENTRIES_MAX:]))

        return await self.deps.run_records.job_id(
            caller.user_id, slot, earlier_of, record_of, is_only_one=True
        )


def _decode(kept: bytes | None) -> Slot:
    return {} if kept is None else msgspec.msgpack.decode(kept, type=Slot)
