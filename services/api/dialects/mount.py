"""Mounts the routes of a dialect below its prefix. Their own paths are those of the older service."""

from collections.abc import Sequence

from starlette.routing import BaseRoute, Route

from services.api.http.door import Dialect, Door
from shared.dialects.names import prefix_of


def mount(name: str, routes: Sequence[Route], door: Door) -> Dialect:
    """The dialect, with each route below `/dialects/<name>`.

    A path with a slash at its end is not the path without it: a dialect that takes both has two routes, as a
    redirect would name an address that only the prefix's server knows.
    """
    prefix = prefix_of(name)
    mounted: list[BaseRoute] = [
        Route(
            prefix + route.path,
            route.endpoint,
            methods=sorted(route.methods or ()),
            name=route.name,
            include_in_schema=route.include_in_schema,
        )
        for route in routes
    ]
    return Dialect(name=name, prefixes=(prefix,), door=door, routes=mounted)
