"""What a feature brings to the api: its routes, the objects they use, and what its answers look like.

A feature's package exports one function that makes it; `app` lists them and knows nothing else of them.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

import msgspec
from fastapi import APIRouter, FastAPI, Request

from services.api.http.openapi import document
from services.api.http.openapi.responses import Answers, Maxima

T = TypeVar("T")
Services = dict[type, object]


@dataclass(frozen=True, slots=True)
class Feature:
    """One package's part of the application."""

    routers: Sequence[APIRouter]
    answers: Answers
    """Of its routes."""
    services: Sequence[object] = ()
    """What its routes ask for by type, and no other feature provides."""
    tags: Mapping[str, str] = field(default_factory=dict)
    """What its routes are about, by the tag that they have in the document."""
    maxima: Maxima = field(default_factory=dict)
    """The most that the operator allows, for the document."""


def include(app: FastAPI, features: Sequence[Feature]) -> None:
    """Serve and document them, in this order."""
    services: Services = {}
    structs: dict[str, type[msgspec.Struct]] = {}
    for feature in features:
        for router in feature.routers:
            app.include_router(router)
        services |= {type(one): one for one in feature.services}
        structs |= feature.answers.structs
    app.state.services = services
    document.install(
        app,
        structs,
        {name: most for feature in features for name, most in feature.maxima.items()},
        {tag: about for feature in features for tag, about in feature.tags.items()},
    )


def service_of(request: Request, kind: type[T]) -> T:
    """The application's own object of this type."""
    services: Mapping[type, object] = request.app.state.services
    found = services[kind]
    assert isinstance(found, kind)
    return found
