"""Feature of the api: its routes with their documentation, and the objects that they use.

A feature's package exports one function that creates it; `app` lists these functions and knows nothing else
of the features.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

import msgspec
from fastapi import FastAPI, Request

from services.api.http.openapi import document
from services.api.http.openapi.responses import DocumentedRouter, Json, Maxima

T = TypeVar("T")
Services = dict[type, object]


@dataclass(frozen=True, slots=True)
class Feature:
    """The part of the application that one package provides."""

    about: str
    """Description of its OpenAPI tag."""
    routers: Sequence[DocumentedRouter]
    services: Sequence[object] = ()
    """Objects that its routes look up by type; no other feature provides one of the same type."""
    maxima: Maxima = field(default_factory=dict)
    """The operator's maxima, for the OpenAPI document."""
    rules: Mapping[str, Json] = field(default_factory=dict)
    """What the document adds to schemas of request bodies, by their names."""


def include(app: FastAPI, features: Sequence[Feature]) -> None:
    """Serve and document the features, in this order."""
    services: Services = {}
    structs: dict[str, type[msgspec.Struct]] = {}
    tags: dict[str, str] = {}
    maxima: dict[str, Mapping[str, int]] = {}
    rules: dict[str, Json] = {}
    for feature in features:
        for router in feature.routers:
            app.include_router(router)
            structs |= router.structs
            tags |= dict.fromkeys(map(str, router.tags), feature.about)
        services |= {type(one): one for one in feature.services}
        maxima |= feature.maxima
        rules |= feature.rules
    app.state.services = services
    document.install(app, structs, document.Bounds(maxima, rules), tags)


def service_of(request: Request, kind: type[T]) -> T:
    """The application's object of this type."""
    services: Mapping[type, object] = request.app.state.services
    found = services[kind]
    assert isinstance(found, kind)
    return found
