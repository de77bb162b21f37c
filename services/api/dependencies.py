"""What a dialect stands on: the api's own objects, made once per process.

The api's own features are given theirs by `app`; a dialect is given all of them, and imports no feature's
routes.
"""

from dataclasses import dataclass

from services.api.artifacts.service import ArtifactReader
from services.api.jobs.queries import Queries
from services.api.jobs.submit import Submissions
from services.api.jobs.wait import JobWaiter
from services.api.languages.catalogue import Catalogue
from services.api.settings import ApiSettings
from shared.jetstream.cancel import Cancellations


@dataclass(frozen=True, slots=True)
class ApiDependencies:
    """Submit, wait, read, cancel."""

    settings: ApiSettings
    catalogue: Catalogue
    submissions: Submissions
    waiter: JobWaiter
    queries: Queries
    artifacts: ArtifactReader
    cancellations: Cancellations
