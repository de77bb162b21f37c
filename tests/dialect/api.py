"""The dialect over HTTP: `POST /mini/runs`, `GET` and `DELETE /mini/runs/{id}`."""

from typing import Annotated

import msgspec
from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from services.api.dependencies import ApiDependencies
from services.api.http.auth import user_of
from services.api.http.door import Dialect, Door
from services.api.http.request_context import context_of
from services.api.jobs.cancel import request_cancel
from services.api.jobs.new_job import NewJob
from services.api.jobs.wait import disconnect_of
from shared.contract import problems
from shared.contract.problems import Problem, ProblemError
from shared.domain.record import JobRecord

PREFIX = "/mini"


class Run(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What its clients send."""

    lang: Annotated[str, msgspec.Meta(min_length=1, max_length=64)]
    src: str
    patience: Annotated[float, msgspec.Meta(ge=0)] = 0.0


def dialect(deps: ApiDependencies) -> Dialect:
    """All of it, over the api's own objects."""

    async def start(request: Request) -> Response:
        caller = await user_of(request)
        wanted = _decode(await request.body())
        new = NewJob(language=wanted.lang, code=wanted.src, fingerprint=wanted.src)
        job = (await deps.submissions.submit(new, caller, context_of(request), None)).job
        waited = await deps.waiter.wait_until_finished(
            caller, job.job_id, wanted.patience, disconnect_of(request)
        )
        return JSONResponse(_shown(waited.job), status_code=201)

    async def read(request: Request) -> Response:
        caller = await user_of(request)
        return JSONResponse(_shown(await deps.queries.job(caller.user_id, request.path_params["run"])))

    async def stop(request: Request) -> Response:
        caller = await user_of(request)
        run, moment = request.path_params["run"], context_of(request).moment()
        return JSONResponse(
            _shown(await request_cancel(deps.cancellations, run, caller, moment, expected=None))
        )

    return Dialect(
        name="mini",
        prefixes=(PREFIX,),
        door=Door(extract_credentials=_key, respond=_respond, hint="send your key as X-Mini-Key"),
        routes=(
            Route(f"{PREFIX}/runs", start, methods=["POST"]),
            Route(f"{PREFIX}/runs/{{run}}", read, methods=["GET"]),
            Route(f"{PREFIX}/runs/{{run}}", stop, methods=["DELETE"]),
        ),
    )


def _key(headers: Headers) -> str | None:
    return headers.get("x-mini-key")


def _respond(problem: Problem, request_id: str) -> Response:
    body = {"oops": {"code": problem.kind.slug, "text": problem.detail, "ref": request_id}}
    return JSONResponse(
        body, status_code=problem.status or int(problem.kind.status), headers=dict(problem.headers)
    )


def _decode(body: bytes) -> Run:
    try:
        return msgspec.json.decode(body, type=Run)
    except msgspec.MsgspecError as error:
        raise ProblemError(problems.INVALID, str(error)) from error


def _shown(job: JobRecord) -> dict[str, str]:
    return {"run": job.job_id, "state": job.status.upper(), "lang": job.language}
