"""Feature `usage` of the api."""

from services.api.http.feature import Feature
from services.api.usage import routes
from services.api.usage.report import Usage


def usage_feature(usage: Usage) -> Feature:
    """The routes of `usage`, with the objects that they use."""
    return Feature(
        about="What the caller holds of what users share, and may hold.",
        routers=(routes.router,),
        services=(usage,),
    )
