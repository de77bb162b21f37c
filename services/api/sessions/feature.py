"""Feature `sessions` of the api."""

from services.api.http.feature import Feature
from services.api.jobs.limit_policy import field_maxima, limits_rule, run_rule
from services.api.sessions import routes
from services.api.sessions.runs import SessionRuns
from services.api.sessions.schemas import RunBody, SessionBody
from services.api.sessions.service import Sessions
from services.api.settings import ApiSettings


def sessions_feature(sessions: Sessions, runs: SessionRuns, settings: ApiSettings) -> Feature:
    """The routes of `sessions`, with the objects that they use."""
    return Feature(
        about="Documents that are being written, kept with their revisions, and run.",
        routers=(routes.router,),
        services=(sessions, runs),
        maxima={SessionBody.__name__: field_maxima(settings)},
        rules={SessionBody.__name__: limits_rule(settings), RunBody.__name__: run_rule(settings)},
    )
