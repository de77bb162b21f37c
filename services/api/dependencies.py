"""What the routes stand on, made once per process and kept on the application."""

from dataclasses import dataclass

from starlette.requests import Request

from services.api.artifacts.service import Artifacts
from services.api.audit.event_reader import Audit
from services.api.jobs.queries import Queries
from services.api.jobs.submit import Submissions
from services.api.jobs.wait import JobWaiter
from services.api.jobs.waiting_reason import Outlook
from services.api.languages.catalogue import Catalogue
from services.api.operators.dead_letters import DeadLetters
from services.api.operators.erasures import Erasures
from services.api.quotas.quotas import Quotas
from services.api.quotas.usage import Usage
from services.api.sessions.service import Sessions
from shared.jetstream.cancel import Cancellations


@dataclass(frozen=True, slots=True)
class ApiDependencies:
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
    waiting: JobWaiter
    outlook: Outlook
    usage: Usage


def parts_of(request: Request) -> ApiDependencies:
    """The parts of the application that serves this request."""
    parts = request.app.state.parts
    assert isinstance(parts, ApiDependencies)
    return parts
