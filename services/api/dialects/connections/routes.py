"""`POST /execute/async`, `POST /execute` and `GET /execute/jobs/{job_id}`."""

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from services.api.dependencies import ApiDependencies
from services.api.dialects.bodies import TimedProgram, read_body
from services.api.dialects.connections.schemas import AsyncExecutionBody
from services.api.dialects.errors import fastapi_door
from services.api.dialects.mount import mount
from services.api.dialects.polled_job import polled_job
from services.api.dialects.programs import find_job, new_job, submit, wait_for_end
from services.api.http.auth import user_of
from services.api.http.door import Dialect
from services.api.http.json_response import json_answer
from services.api.jobs.new_job import NewJob
from shared.dialects.connections import CONNECTION_ID, NAME, execution_fields, is_connection_id

TTL_S = 24 * 3600
WAIT_S = 60.0
TOO_LONG = "The program has not ended yet. It goes on, and its result can be read later."


def dialect(deps: ApiDependencies) -> Dialect:
    """The dialect on the api's objects."""
    executions = Executions(deps)
    routes = [
        Route("/execute/async", executions.submit, methods=["POST"]),
        Route("/execute", executions.run, methods=["POST"]),
        Route("/execute/jobs/{job_id}", executions.read, methods=["GET"]),
    ]
    return mount(NAME, routes, fastapi_door())


class Executions:
    """The endpoints."""

    def __init__(self, deps: ApiDependencies) -> None:
        """Nothing happens yet."""
        self._deps = deps

    async def submit(self, request: Request) -> Response:
        """Accept a program. The notifier tells its result to the connection that the job names."""
        caller = await user_of(request)
        body = await read_body(request, AsyncExecutionBody)
        connection = body.connection_id or ""
        # Any other text names no connection. The job is accepted all the same, and its result can be polled.
        labels = {CONNECTION_ID: connection} if is_connection_id(connection) else {}
        submitted = await submit(self._deps, request, caller, self._job(body, labels))
        return json_answer({"job_id": submitted.job.job_id, "status": "queued"})

    async def run(self, request: Request) -> Response:
        """Accept a program and answer its result, or 504 if it does not end in time."""
        caller = await user_of(request)
        body = await read_body(request, TimedProgram)
        submitted = await submit(self._deps, request, caller, self._job(body, {}))
        job = await wait_for_end(self._deps, request, caller, submitted.job.job_id, WAIT_S)
        if not job.is_finished:
            return json_answer({"detail": TOO_LONG, "job_id": job.job_id}, status=504)
        return json_answer({**execution_fields(job), "job_id": job.job_id})

    async def read(self, request: Request) -> Response:
        """Tell how a job stands, with its result once it has ended."""
        caller = await user_of(request)
        return json_answer(polled_job(await find_job(self._deps, caller, request.path_params["job_id"])))

    def _job(self, body: TimedProgram, labels: dict[str, str]) -> NewJob:
        settings = self._deps.settings
        return new_job(settings, body.code, timeout_s=body.timeout_s(settings), ttl_s=TTL_S, labels=labels)
