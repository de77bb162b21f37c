"""A dialect that only tests speak, on the common ground of all dialects."""

from typing import Any

from pydantic import BaseModel
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from services.api.dependencies import ApiDependencies
from services.api.dialects.bodies import Program, TimeoutSeconds, read_body
from services.api.dialects.errors import fastapi_door
from services.api.dialects.mount import mount
from services.api.dialects.programs import find_job, new_job, submit, wait_for_end
from services.api.http.auth import user_of
from services.api.http.door import Dialect
from services.notifier.connections.registry import ClientRegistry
from services.notifier.connections.transport import Transport
from services.notifier.transports.dialects.changes import Change
from services.notifier.transports.dialects.endpoint import sockets
from services.notifier.transports.dialects.job_reader import JobReader
from services.notifier.transports.dialects.session import DialectSession
from shared.dialects.outcome import outcome_of, phase_of
from shared.domain.record import JobRecord

NAME = "echo"


class Body(BaseModel):
    """What its clients send."""

    code: Program
    timeout_seconds: TimeoutSeconds = 30


def dialect(deps: ApiDependencies) -> Dialect:
    """The half at the api."""

    async def execute(request: Request) -> Response:
        caller = await user_of(request)
        body = await read_body(request, Body)
        new = new_job(
            deps.settings, body.code, timeout_s=body.timeout_seconds, ttl_s=86_400, labels={"a": "b"}
        )
        job = (await submit(deps, request, caller, new)).job
        waited = await wait_for_end(deps, request, caller, job.job_id, 0)
        return JSONResponse({"id": job.job_id, "phase": phase_of(waited)})

    async def read(request: Request) -> Response:
        job = await find_job(deps, await user_of(request), request.path_params["id"])
        return JSONResponse({"id": job.job_id, "phase": phase_of(job)})

    routes = [
        Route("/execute", execute, methods=["POST"]),
        Route("/execute/{id}", read, methods=["GET"]),
    ]
    return mount(NAME, routes, fastapi_door(schemes=("bearer", "token")))


def transport(registry: ClientRegistry) -> Transport:
    """The half at the notifier."""
    reader = JobReader(registry)
    return sockets(NAME, registry, lambda socket, registry: EchoSession(socket, registry, NAME, reader))


class EchoSession(DialectSession):
    """Tells every end; answers what it is sent."""

    async def opened(self) -> None:
        """The newest job's end comes first."""
        self.watch()
        newest = await self.registry.history.newest_job(self.user_id)
        job = None if newest is None else await self.read(newest)
        self.send({"newest": newest})
        await self._tell_end(job)

    async def receive(self, message: dict[str, Any]) -> None:
        """`job` asks for one; all else comes back."""
        if "job" not in message:
            self.send({"echo": message})
            return
        job = await self.read(str(message["job"]))
        self.send({"job": None if job is None else phase_of(job)})

    async def refuse(self, why: str) -> None:
        """Say so."""
        self.send({"error": why})

    async def tell(self, change: Change) -> None:
        """The end, and that it began."""
        if change.kind == "running" and self.is_new(change.job_id, "running"):
            self.send({"running": change.job_id})
        elif change.is_end:
            await self._tell_end(await self.read(change.job_id, change.sequence))

    async def _tell_end(self, job: JobRecord | None) -> None:
        if job is not None and job.is_finished and self.is_new(job.job_id, "end", is_last=True):
            await self.send_large({"end": job.job_id, "stdout": outcome_of(job).stdout})
