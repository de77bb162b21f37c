"""A feature of the api is served, documented and given its objects by the one function of its package."""

from dataclasses import dataclass

import httpx
from fastapi import FastAPI, Request
from starlette.responses import Response

from services.api.http.feature import Feature, include, service_of
from services.api.http.json_response import json_answer
from services.api.http.openapi.responses import NO_JOB, DocumentedRouter
from shared.domain.contract_struct import ContractStruct


class Greeting(ContractStruct, frozen=True, kw_only=True):
    """What is answered."""

    text: str
    """In words."""


@dataclass(frozen=True)
class Greeter:
    """What the route needs."""

    name: str


def feature(name: str) -> Feature:
    """As a package exports it."""
    router = DocumentedRouter("/v1/greetings", tag="greetings")

    @router.get("", responses=router.responses_for(Greeting(text="hello"), refusals=NO_JOB))
    async def greet(request: Request) -> Response:
        return json_answer(Greeting(text=f"hello, {service_of(request, Greeter).name}"))

    return Feature(about="Words.", routers=(router,), services=(Greeter(name),))


async def test_a_new_feature_is_served_with_its_objects() -> None:
    app = FastAPI()
    include(app, (feature("you"),))
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://api") as client:
        assert (await client.get("/v1/greetings")).json() == {"text": "hello, you"}


def test_a_new_feature_is_documented() -> None:
    app = FastAPI()
    include(app, (feature("you"),))
    document = app.openapi()
    assert document["tags"] == [{"name": "greetings", "description": "Words."}]
    assert document["components"]["schemas"]["Greeting"]["properties"]["text"]["description"] == "In words."
    answers = document["paths"]["/v1/greetings"]["get"]["responses"]
    assert answers["200"]["content"]["application/json"]["example"] == {"text": "hello"}
    assert {str(int(kind.status)) for kind in NO_JOB} <= answers.keys()
