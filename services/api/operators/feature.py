"""Feature `operators` of the api."""

from services.api.http.feature import Feature
from services.api.http.openapi.responses import Answers
from services.api.operators import dead_letter_routes, erasure_routes
from services.api.operators.dead_letters import DeadLetters
from services.api.operators.erasures import Erasures


def operators_feature(dead_letters: DeadLetters, erasures: Erasures) -> Feature:
    """The routes of `operators`, with the objects that they use."""
    answers = Answers()
    answers.structs |= dead_letter_routes.answers.structs | erasure_routes.answers.structs
    return Feature(
        routers=(dead_letter_routes.router, erasure_routes.router),
        answers=answers,
        services=(dead_letters, erasures),
        tags={
            "operators": "Jobs whose executor was lost too often, and erasing a user. "
            "They need the scope `ops`."
        },
    )
