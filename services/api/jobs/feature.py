"""Feature `jobs` of the api."""

from services.api.http.feature import Feature
from services.api.jobs import routes
from services.api.jobs.limit_policy import limits_rule, maxima
from services.api.jobs.queries import Queries
from services.api.jobs.schemas import SubmissionBody
from services.api.jobs.submit import Submissions
from services.api.jobs.wait import JobWaiter
from services.api.jobs.waiting_reason import Outlook
from services.api.settings import ApiSettings
from shared.jetstream.cancel import Cancellations


def jobs_feature(
    submissions: Submissions,
    cancellations: Cancellations,
    queries: Queries,
    waiter: JobWaiter,
    outlook: Outlook,
    settings: ApiSettings,
) -> Feature:
    """The routes of `jobs`, with the objects that they use."""
    return Feature(
        about="Programs to run: submit, list, read and cancel them. Each one's story is a list of events.",
        routers=(routes.submitting, routes.router),
        services=(submissions, cancellations, queries, waiter, outlook),
        maxima=maxima(settings),
        rules={SubmissionBody.__name__: limits_rule(settings)},
    )
