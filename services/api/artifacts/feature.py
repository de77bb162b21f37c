"""Feature `artifacts` of the api."""

from services.api.artifacts import routes
from services.api.artifacts.service import ArtifactReader
from services.api.http.feature import Feature


def artifacts_feature(artifacts: ArtifactReader) -> Feature:
    """The routes of `artifacts`, with the objects that they use."""
    return Feature(
        about="Files that a job left, as far as its submission asked for them.",
        routers=(routes.router,),
        services=(artifacts,),
    )
