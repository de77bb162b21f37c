"""Feature `operators` of the api."""

from services.api.http.feature import Feature
from services.api.operators import dead_letter_routes, erasure_routes
from services.api.operators.dead_letters import DeadLetters
from services.api.operators.erasures import Erasures


def operators_feature(dead_letters: DeadLetters, erasures: Erasures) -> Feature:
    """The routes of `operators`, with the objects that they use."""
    return Feature(
        about="Jobs whose executor was lost too often, and erasing a user. They need the scope `ops`.",
        routers=(dead_letter_routes.router, erasure_routes.router),
        services=(dead_letters, erasures),
    )
