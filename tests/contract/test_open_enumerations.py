"""What is answered may grow, and the documents say so; what may be asked is listed whole."""

from collections.abc import Callable, Iterator
from functools import cache
from typing import Any, cast

import pytest

from services.api.app import create_app
from services.api.quotas.unfinished_jobs import UnfinishedJobs
from services.api.settings import ApiSettings
from shared.auth import Tokens
from shared.jetstream.connection import Broker
from shared.service.runtime import Service
from tests.contract.asyncapi.test_asyncapi import DOCUMENT as ASYNCAPI

Json = dict[str, Any]


@cache
def openapi() -> Json:
    """The api's document. Not made when this module is imported, which every worker does."""
    settings = ApiSettings(token_secret="x" * 32)
    broker = cast("Broker", None)
    return create_app(Service("api"), settings, Tokens(settings), broker, UnfinishedJobs()).openapi()


OPEN = {
    "JobShown.status": ["queued", "running", "completed", "failed", "timeout", "cancelled"],
    "JobSummary.status": ["queued", "running", "completed", "failed", "timeout", "cancelled"],
    "LanguageShown.stages": ["compile", "run"],
    "Output.encoding": ["utf-8", "base64"],
    "OutputTail.encoding": ["utf-8", "base64"],
    "ReceivedInput.encoding": ["utf-8", "base64"],
    "StageReport.name": ["compile", "run"],
    "WaitingFor.reason": ["earlier_jobs", "executor", "slot"],
}


def reached(node: object, document: Json, seen: set[str]) -> Iterator[str]:
    """The names of all schemas that a part of a document refers to."""
    match node:
        case {"$ref": str(reference)} if reference.startswith("#/components/schemas/"):
            name = reference.rpartition("/")[2]
            if name not in seen:
                seen.add(name)
                yield name
                yield from reached(document["components"]["schemas"][name], document, seen)
        case dict():
            for one in node.values():
                yield from reached(one, document, seen)
        case list():
            for one in node:
                yield from reached(one, document, seen)
        case _:
            pass


def fields_with(word: str, names: set[str], document: Json) -> dict[str, list[str]]:
    """The fields, and items of fields, of these schemas that list their values by this word."""
    schemas = document["components"]["schemas"]
    return {
        f"{name}.{field}": one[word]
        for name in names
        for field, schema in schemas[name].get("properties", {}).items()
        for one in (schema, schema.get("items", {}))
        if word in one
    }


def answered() -> set[str]:
    """The schemas of answers."""
    answers = [
        answer
        for operations in openapi()["paths"].values()
        for operation in operations.values()
        for answer in operation["responses"].values()
    ]
    return set(reached(answers, openapi(), set()))


def test_every_enumeration_of_an_answer_may_grow() -> None:
    assert fields_with("enum", answered(), openapi()) == {}
    assert OPEN.items() <= fields_with("x-extensible-enum", answered(), openapi()).items()


def test_what_may_be_asked_is_listed_whole() -> None:
    bodies = [one.get("requestBody") for path in openapi()["paths"].values() for one in path.values()]
    asked = set(reached(bodies, openapi(), set()))
    assert fields_with("x-extensible-enum", asked, openapi()) == {}
    assert "FileBody.encoding" in fields_with("enum", asked, openapi())


def test_every_enumeration_of_a_message_may_grow_but_its_type() -> None:
    names = set(ASYNCAPI["components"]["schemas"])
    assert {name.rpartition(".")[2] for name in fields_with("enum", names, ASYNCAPI)} == {"type"}
    found = fields_with("x-extensible-enum", names, ASYNCAPI)
    assert {"JobRecord.status", "Output.encoding", "StageReport.name"} <= set(found)


@pytest.mark.parametrize("document", [openapi, lambda: ASYNCAPI], ids=["OpenAPI", "AsyncAPI"])
def test_clients_are_told(document: Callable[[], Json]) -> None:
    words = " ".join(document()["info"]["description"].split())
    assert "Clients must accept" in words
    assert "values that a schema does not list where it has `x-extensible-enum`" in words
