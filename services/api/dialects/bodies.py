"""Reads a dialect's request body. Unknown fields are ignored; a broken rule is 422, as in FastAPI."""

from typing import Annotated, TypeVar

from pydantic import AllowInfNan, BaseModel, Field, ValidationError
from starlette.requests import Request

from services.api.dialects.errors import BODY, UNPROCESSABLE, BodyError
from services.api.dialects.programs import MS_PER_S
from services.api.settings import ApiSettings
from shared.contract import problems
from shared.contract.problems import ProblemError

ModelT = TypeVar("ModelT", bound=BaseModel)

Program = Annotated[str, Field(min_length=1)]
"""The text of a program; an empty one is refused."""
TimeoutSeconds = Annotated[float, Field(gt=0), AllowInfNan(False)]
TIMEOUT_S_DEFAULT = 30.0


class TimedProgram(BaseModel):
    """A Python program, and for how many seconds it may run."""

    code: Program
    timeout_seconds: TimeoutSeconds = TIMEOUT_S_DEFAULT

    def timeout_s(self, settings: ApiSettings) -> float:
        """The time limit; where the client gives none, one that the operator allows."""
        if "timeout_seconds" in self.model_fields_set:
            return self.timeout_seconds
        return min(TIMEOUT_S_DEFAULT, settings.wall_ms_max / MS_PER_S)


async def read_body(request: Request, model: type[ModelT]) -> ModelT:
    """The body as the model. Raises ProblemError (422), whose errors are `BodyError`."""
    body = await request.body()
    if not body:
        raise _invalid([BodyError(BODY, "Field required", (BODY,), "missing")])
    try:
        return model.model_validate_json(body)
    except ValidationError as error:
        raise _invalid([_error_of(dict(one)) for one in error.errors(include_url=False)]) from error


def _error_of(error: dict[str, object]) -> BodyError:
    loc = error["loc"]
    assert isinstance(loc, tuple)
    field = ".".join(map(str, loc)) or BODY
    message = "JSON decode error" if error["type"] == "json_invalid" else str(error["msg"])
    return BodyError(field, message.removeprefix("Value error, "), (BODY, *loc), str(error["type"]))


def _invalid(errors: list[BodyError]) -> ProblemError:
    detail = "; ".join(f"{one.field}: {one.message}" for one in errors[:3])
    return ProblemError(problems.INVALID, detail, errors=tuple(errors), status=UNPROCESSABLE)
