"""docs/bounds/memory.md misses nothing that a process keeps or lists, and names nothing that is not there."""

from collections.abc import Iterator
from typing import Any, cast

from services.api.app import create_app
from services.api.quotas.unfinished_jobs import UnfinishedJobs
from services.api.settings import ApiSettings
from shared.auth import Tokens
from shared.contract import subjects
from shared.jetstream.connection import Broker
from shared.service.runtime import Service
from tests.unit.bounds.collections_kept import kept
from tests.unit.bounds.table import PAGES, names_of

NAMED = names_of(PAGES / "memory.md")
IN_OTHERS = {name for page in PAGES.glob("*.md") for name in names_of(page)}


def test_every_collection_that_is_kept_has_a_bound() -> None:
    assert kept() - IN_OTHERS == set()


def test_no_bound_is_of_a_collection_that_is_gone() -> None:
    """Other names are of functions, routes and subjects."""
    looks_kept = {name for name in NAMED if "._" in name or name in kept()}
    assert looks_kept
    assert looks_kept - kept() == set()


def test_every_answer_with_a_list_in_it_has_a_bound() -> None:
    assert set(_lists()) - NAMED == set()


def test_every_question_to_the_view_has_a_bound() -> None:
    asked = {text for text in vars(subjects).values() if isinstance(text, str) and text.startswith("view.")}
    assert asked
    assert asked - NAMED == set()


def _lists() -> Iterator[str]:
    """Routes that answer a list, or a stream of events. One job's own lists are part of one event."""
    settings = ApiSettings(token_secret="x" * 32)
    app = create_app(Service("api"), settings, Tokens(settings), cast("Broker", None), UnfinishedJobs())
    document = app.openapi()
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            answers = [answer for code, answer in operation["responses"].items() if code.startswith("2")]
            contents = [one for answer in answers for one in answer.get("content", {}).items()]
            if any(_is_list(kind, content["schema"], document) for kind, content in contents):
                yield f"{method.upper()} {path}"


def _is_list(kind: str, schema: dict[str, Any], document: dict[str, Any]) -> bool:
    name = schema.get("$ref", "").rpartition("/")[2]
    found = document["components"]["schemas"].get(name, schema)
    if name in {"JobRecord", "JobShown"}:
        return False
    return "ndjson" in kind or any("array" in str(one) for one in found.get("properties", {}).values())
