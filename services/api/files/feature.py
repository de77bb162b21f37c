"""Feature `files` of the api."""

from services.api.files import routes
from services.api.files.service import UserFiles
from services.api.http.feature import Feature


def files_feature(files: UserFiles) -> Feature:
    """The routes of `files`, with the objects that they use."""
    return Feature(
        about="Files that are uploaded once, and named in submissions.",
        routers=(routes.router,),
        services=(files,),
    )
