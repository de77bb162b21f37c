"""Feature `audit` of the api."""

from services.api.audit import routes
from services.api.audit.event_reader import Audit
from services.api.http.feature import Feature


def audit_feature(audit: Audit) -> Feature:
    """The routes of `audit`, with the objects that they use."""
    return Feature(
        about="Everything that happened to jobs, in log order. Others' jobs need the scope `audit:all`.",
        routers=(routes.router,),
        services=(audit,),
    )
