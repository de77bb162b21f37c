"""What the routes stand on, made once per process and kept on the application."""

from dataclasses import dataclass

from starlette.requests import Request

from services.api.artifacts import Artifacts
from services.api.catalogue import Catalogue
from services.api.queries import Queries
from services.api.submissions import Submissions
from shared.cancellations import Cancellations


@dataclass(frozen=True, slots=True)
class Parts:
    """The api's own objects."""

    submissions: Submissions
    cancellations: Cancellations
    queries: Queries
    artifacts: Artifacts
    catalogue: Catalogue


def parts_of(request: Request) -> Parts:
    """The parts of the application that serves this request."""
    parts = request.app.state.parts
    assert isinstance(parts, Parts)
    return parts
