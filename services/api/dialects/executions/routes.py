"""The routes of the dialect `executions`."""

from datetime import UTC, datetime

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from services.api.dependencies import ApiDependencies
from services.api.dialects.bodies import read_body
from services.api.dialects.errors import fastapi_door
from services.api.dialects.executions.mapping import LANGUAGE, status_of
from services.api.dialects.executions.schemas import Accepted, ExecuteBody, Health, Readiness
from services.api.dialects.mount import mount
from services.api.dialects.programs import find_program, new_job, submit
from services.api.http.auth import user_of
from services.api.http.door import Dialect
from services.api.http.json_response import json_answer
from shared.dialects.executions import MISSING, NAME, PATHS, word_of
from shared.dialects.times import iso_time

SCHEMES = ("bearer", "token")
"""Of `Authorization`; older pages write `Token`."""
TTL_S = 3_600
"""An execution is kept for an hour after its end."""
ACCEPTED = "Execution accepted"
SERVICE = "headrace"
NOT_READY_STATUS = 503
RETRY_AFTER = {"Retry-After": "2"}


def dialect(deps: ApiDependencies) -> Dialect:
    """The dialect's half at the api."""
    routes = ExecutionRoutes(deps)
    return mount(
        NAME,
        [
            Route(f"{PATHS}/execute", routes.execute, methods=["POST"]),
            Route(f"{PATHS}/status/{{execution_id}}", routes.status, methods=["GET"]),
            *(Route(path, routes.health, methods=["GET"]) for path in ("/health", "/health/")),
            *(Route(path, routes.ready, methods=["GET"]) for path in ("/health/ready", "/health/ready/")),
        ],
        fastapi_door(schemes=SCHEMES, missing=MISSING),
    )


class ExecutionRoutes:
    """What the routes do."""

    def __init__(self, deps: ApiDependencies) -> None:
        """Use the api's own objects."""
        self._deps = deps

    async def execute(self, request: Request) -> Response:
        """Submit a program. Raises ProblemError."""
        caller = await user_of(request)
        body = await read_body(request, ExecuteBody)
        new = new_job(
            self._deps.settings,
            body.code,
            body.language,
            ttl_s=TTL_S,
            stdin=body.input_data,
            labels={LANGUAGE: body.language},
        )
        job = (await submit(self._deps, request, caller, new)).job
        return json_answer(Accepted(execution_id=job.job_id, status=word_of(job), message=ACCEPTED))

    async def status(self, request: Request) -> Response:
        """Show one execution. Raises ProblemError."""
        caller = await user_of(request)
        job, queued = await find_program(self._deps, caller, request.path_params["execution_id"])
        return json_answer(status_of(job, queued))

    async def health(self, _: Request) -> Response:
        """Answer, as long as the process does."""
        timestamp = iso_time(datetime.now(UTC), "milliseconds")
        return json_answer(Health(status="healthy", service=SERVICE, timestamp=timestamp))

    async def ready(self, _: Request) -> Response:
        """Answer with 503 while the api is not ready."""
        if self._deps.is_ready():
            return json_answer(Readiness(status="ready"))
        return json_answer(Readiness(status="not ready"), status=NOT_READY_STATUS, headers=RETRY_AFTER)
