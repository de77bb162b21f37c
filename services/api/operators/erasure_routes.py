"""/v1/users: erasure of a user, for operators."""

from typing import Annotated

from fastapi import Path, Request
from starlette.responses import Response

from services.api.http.auth import OperatorOf
from services.api.http.feature import service_of
from services.api.http.json_response import json_answer
from services.api.http.openapi.responses import DocumentedRouter, ExtraResponse
from services.api.http.request_context import context_of
from services.api.operators import examples
from services.api.operators.erasures import Erasures
from shared.contract import problems
from shared.contract.problems import ProblemError
from shared.contract.subjects import SubjectError

router = DocumentedRouter("/v1/users", tag="operators")


@router.delete(
    "/{user_id:path}",
    summary="Erase a user",
    responses=router.responses_for(
        examples.ERASED,
        also={
            202: ExtraResponse(
                "A part of it is done: ask again until it is answered with 200", examples.ERASING
            )
        },
        refusals=(problems.INVALID,),
    ),
)
async def erase_user(
    user_id: Annotated[str, Path(description="Who is erased: the subject of the user's tokens.")],
    request: Request,
    caller: OperatorOf,
) -> Response:
    """Stop the user's jobs, and remove all of them with their files and sessions; returns what remains.

    Revoke the user's tokens first: a valid token can submit new jobs.
    """
    moment = context_of(request).moment()
    try:
        erasure = await service_of(request, Erasures).erase(user_id, caller.user_id, moment)
    except SubjectError as error:
        raise ProblemError(problems.INVALID, str(error)) from error
    return json_answer(erasure, status=200 if erasure.is_done else 202)
