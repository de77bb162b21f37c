"""/v1/jobs/{job_id}/input, /terminal and /signal: what a program is given while it runs."""

from typing import Annotated

from fastapi import Body, Request
from starlette.responses import Response

from services.api.http.auth import JobsCaller
from services.api.http.feature import service_of
from services.api.http.json_response import json_answer
from services.api.http.openapi.example_values import requests
from services.api.http.openapi.responses import NO_JOB, DocumentedRouter
from services.api.http.parameters import JobId
from services.api.http.request_context import context_of
from services.api.interaction import examples
from services.api.interaction.refusals import position_of
from services.api.interaction.schemas import InputBody, SignalBody
from services.api.jobs.queries import check_job_id
from services.api.jobs.schemas import TerminalBody
from shared.contract import problems
from shared.jetstream.input_log import InputLog

router = DocumentedRouter("/v1/jobs", tag="interaction")

PIECES = requests(examples.LINE, examples.LAST)
SIZES = requests(examples.TERMINAL)
SIGNALS = requests(examples.SIGNAL)
NO_INTERACTION = (*NO_JOB, problems.ALREADY_FINISHED, problems.NOT_INTERACTIVE)
NOT_STORED = (*NO_INTERACTION, problems.INPUT_LIMIT, problems.STORAGE_FULL)


@router.post(
    "/{job_id}/input",
    summary="Send input to a program",
    responses=router.responses_for(
        examples.POSITION,
        refusals=(
            *NOT_STORED,
            problems.INPUT_MISMATCH,
            problems.INPUT_ENDED,
            problems.INPUT_NOT_READ,
        ),
    ),
)
async def send_input(
    job_id: JobId,
    body: Annotated[InputBody, Body(openapi_examples=PIECES)],
    request: Request,
    caller: JobsCaller,
) -> Response:
    """Store a piece of input of an interactive job; the program is given it as soon as it runs.

    A piece that is there already is answered as stored, so that a request can be repeated.
    """
    check_job_id(job_id)
    outcome = await service_of(request, InputLog).add(
        caller.user_id, job_id, body.to_piece(), context_of(request).moment()
    )
    return json_answer(position_of(outcome))


@router.get(
    "/{job_id}/input",
    summary="Read how far its input goes",
    responses=router.responses_for(examples.POSITION, refusals=NO_INTERACTION),
)
async def read_input(job_id: JobId, request: Request, caller: JobsCaller) -> Response:
    """Tell where the next piece begins."""
    check_job_id(job_id)
    return json_answer(position_of(await service_of(request, InputLog).read_end(caller.user_id, job_id)))


@router.post(
    "/{job_id}/terminal",
    summary="Resize its terminal",
    responses=router.responses_for(
        examples.POSITION, refusals=(*NOT_STORED, problems.NO_TERMINAL, problems.NOT_RUNNING)
    ),
)
async def resize_terminal(
    job_id: JobId,
    body: Annotated[TerminalBody, Body(openapi_examples=SIZES)],
    request: Request,
    caller: JobsCaller,
) -> Response:
    """Give the terminal of a running program another size."""
    check_job_id(job_id)
    outcome = await service_of(request, InputLog).resize(
        caller.user_id, job_id, body.size(), context_of(request).moment()
    )
    return json_answer(position_of(outcome))


@router.post(
    "/{job_id}/signal",
    summary="Send it a signal",
    responses=router.responses_for(examples.POSITION, refusals=(*NOT_STORED, problems.NOT_RUNNING)),
)
async def send_signal(
    job_id: JobId,
    body: Annotated[SignalBody, Body(openapi_examples=SIGNALS)],
    request: Request,
    caller: JobsCaller,
) -> Response:
    """Signal the processes of a running program, in turn with its input."""
    check_job_id(job_id)
    outcome = await service_of(request, InputLog).signal(
        caller.user_id, job_id, body.signal, context_of(request).moment()
    )
    return json_answer(position_of(outcome))
