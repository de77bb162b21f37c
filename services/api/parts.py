"""What the routes stand on, made once per process and kept on the application."""

from dataclasses import dataclass

from starlette.requests import Request

from services.api.artifacts import Artifacts
from services.api.audit import Audit
from services.api.catalogue import Catalogue
from services.api.dead_letters import DeadLetters
from services.api.erasures import Erasures
from services.api.outlook import Outlook
from services.api.queries import Queries
from services.api.quotas import Quotas
from services.api.sessions import Sessions
from services.api.submissions import Submissions
from services.api.usage import Usage
from services.api.waiting import Waiting
from shared.jetstream.cancel import Cancellations


@dataclass(frozen=True, slots=True)
class Parts:
    """The api's own objects."""

    submissions: Submissions
    cancellations: Cancellations
    queries: Queries
    audit: Audit
    artifacts: Artifacts
    catalogue: Catalogue
    quotas: Quotas
    sessions: Sessions
    dead_letters: DeadLetters
    erasures: Erasures
    waiting: Waiting
    outlook: Outlook
    usage: Usage


def parts_of(request: Request) -> Parts:
    """The parts of the application that serves this request."""
    parts = request.app.state.parts
    assert isinstance(parts, Parts)
    return parts
