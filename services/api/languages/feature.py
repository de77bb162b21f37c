"""Feature `languages` of the api."""

from services.api.http.feature import Feature
from services.api.languages import routes
from services.api.languages.catalogue import Catalogue


def languages_feature(catalogue: Catalogue) -> Feature:
    """The routes of `languages`, with the objects that they use."""
    return Feature(
        about="What a program may be written in.",
        routers=(routes.router,),
        services=(catalogue,),
    )
