"""Feature `interaction` of the api."""

from services.api.http.feature import Feature
from services.api.interaction import routes
from shared.jetstream.input_log import InputLog


def interaction_feature(inputs: InputLog) -> Feature:
    """The routes of `interaction`, with the object that they use."""
    return Feature(
        about="Programs that read while they run: send them input and signals, resize their terminals.",
        routers=(routes.router,),
        services=(inputs,),
    )
