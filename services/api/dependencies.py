"""Dependencies of dialects: the api's own objects, created once per process.

`app` passes to each of the api's features the objects that it needs. A dialect gets all of them, and imports
no feature's routes.
"""

from collections.abc import Callable
from dataclasses import dataclass

from services.api.artifacts.service import ArtifactReader
from services.api.jobs.queries import Queries
from services.api.jobs.submit import Submissions
from services.api.jobs.wait import JobWaiter
from services.api.languages.catalogue import Catalogue
from services.api.sessions.run_records import RunRecords
from services.api.sessions.runs import SessionRuns
from services.api.sessions.service import Sessions
from services.api.settings import ApiSettings
from shared.jetstream.cancel import Cancellations


@dataclass(frozen=True, slots=True)
class ApiDependencies:
    """The objects to submit, wait for, read and cancel jobs, and to save and run sessions."""

    settings: ApiSettings
    catalogue: Catalogue
    submissions: Submissions
    waiter: JobWaiter
    queries: Queries
    artifacts: ArtifactReader
    cancellations: Cancellations
    is_ready: Callable[[], bool]
    """Whether the api is ready, as `/readyz` answers."""
    sessions: Sessions
    session_runs: SessionRuns
    run_records: RunRecords
