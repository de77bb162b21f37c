"""Feature of the api: its routes, the objects that they use, and the documentation of its responses.

A feature's package exports one function that creates it; `app` lists these functions and knows nothing else
of the features.
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
    """The part of the application that one package provides."""

    routers: Sequence[APIRouter]
    answers: Answers
    """The documented responses of its routes."""
    services: Sequence[object] = ()
    """Objects that its routes look up by type; no other feature provides one of the same type."""
    tags: Mapping[str, str] = field(default_factory=dict)
    """Descriptions of its routes' OpenAPI tags, by tag."""
    maxima: Maxima = field(default_factory=dict)
    """The operator's maxima, for the OpenAPI document."""


def include(app: FastAPI, features: Sequence[Feature]) -> None:
    """Serve and document the features, in this order."""
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
    """The application's object of this type."""
    services: Mapping[type, object] = request.app.state.services
    found = services[kind]
    assert isinstance(found, kind)
    return found
