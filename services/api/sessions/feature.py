"""Feature `sessions` of the api."""

from services.api.http.feature import Feature
from services.api.jobs.limit_policy import limits_rule
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
        maxima={SessionBody.__name__: {"ttl_s": settings.ttl_s_max}},
        rules={body.__name__: limits_rule(settings) for body in (SessionBody, RunBody)},
    )
