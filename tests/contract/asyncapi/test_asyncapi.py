"""docs/asyncapi.yaml says of every message what the notifier does, with examples that it understands.

When a message or the job's record changes, write the page's schemas anew with
``python -m tests.contract.asyncapi.test_asyncapi``; the examples are written by hand.
"""

import asyncio
import json
import shutil
import textwrap
from asyncio.subprocess import PIPE
from pathlib import Path
from typing import Any, get_args

import msgspec
import pytest
import yaml

from services.api.http.openapi.field_descriptions import describe
from services.notifier.transports.headrace_v1.messages import (
    ClientMessage,
    EventShown,
    ServerMessage,
    decode_message,
    encode_message,
)
from shared.contract.codec import EventObject
from tests.hosts import needs_npm

HERE = Path(__file__).parent
PAGE = HERE.parents[2] / "docs" / "asyncapi.yaml"
DOCUMENT: dict[str, Any] = yaml.load(PAGE.read_text(), yaml.CSafeLoader)  # a tenth of the time
MESSAGES = DOCUMENT["components"]["messages"]
SCHEMAS = DOCUMENT["components"]["schemas"]
CLIENT: tuple[type[msgspec.Struct], ...] = get_args(ClientMessage)
SERVER: tuple[type[msgspec.Struct], ...] = get_args(ServerMessage)
REFERENCE = "#/components/schemas/{name}"


def examples(kinds: tuple[type[msgspec.Struct], ...]) -> list[Any]:
    """Every example of these messages, with the struct that it is one of."""
    return [
        pytest.param(kind, example["payload"], id=f"{kind.__name__}-{number}")
        for kind in kinds
        for number, example in enumerate(MESSAGES.get(kind.__name__, {}).get("examples", ()))
    ]


def test_every_message_is_described() -> None:
    names = {kind.__name__ for kind in (*CLIENT, *SERVER)}
    assert set(MESSAGES) == names
    assert set(DOCUMENT["channels"]["socket"]["messages"]) == names
    for kind in (*CLIENT, *SERVER):
        message = MESSAGES[kind.__name__]
        assert message["name"] == kind.__struct_config__.tag
        assert message["payload"] == {"$ref": REFERENCE.format(name=kind.__name__)}
        assert message["examples"], kind


def schemas() -> Any:  # noqa: ANN401 - JSON
    """Of every message and of what is in it."""
    shown: list[type[msgspec.Struct]] = [*CLIENT, *SERVER, EventObject]
    _, found = msgspec.json.schema_components(shown, ref_template=REFERENCE)
    describe(found, shown)
    # In the struct the event is encoded already, so only the page knows what is in it.
    found["EventShown"]["properties"]["event"] = {"$ref": REFERENCE.format(name="EventObject")}
    return json.loads(json.dumps(found))


def test_every_schema_has_the_fields_of_its_struct() -> None:
    assert schemas() == SCHEMAS


def test_every_message_goes_in_the_direction_in_which_it_is_sent() -> None:
    """The document speaks for the notifier: it receives what clients send."""
    received: set[str] = set()
    sent: set[str] = set()
    for operation in DOCUMENT["operations"].values():
        forth, back = (received, sent) if operation["action"] == "receive" else (sent, received)
        forth |= _names(operation)
        back |= _names(operation.get("reply", {"messages": []}))
    assert received == {kind.__name__ for kind in CLIENT}
    assert sent == {kind.__name__ for kind in SERVER}


def _names(operation: dict[str, Any]) -> set[str]:
    return {reference["$ref"].rpartition("/")[2] for reference in operation["messages"]}


@pytest.mark.parametrize(("kind", "example"), examples(CLIENT))
def test_examples_of_clients_are_understood(kind: type[msgspec.Struct], example: dict[str, Any]) -> None:
    message = decode_message(json.dumps(example))
    assert type(message) is kind
    understood = msgspec.to_builtins(message)
    assert {**understood, **example} == understood
    assert all(understood[name] is None for name in set(understood) - set(example))


@pytest.mark.parametrize(("kind", "example"), examples(SERVER))
def test_examples_of_the_notifier_are_what_it_sends(
    kind: type[ServerMessage], example: dict[str, Any]
) -> None:
    message = msgspec.json.decode(json.dumps(example), type=kind)
    assert json.loads(encode_message(message)) == example
    if isinstance(message, EventShown):
        event = msgspec.json.decode(message.event, type=EventObject)
        assert json.loads(msgspec.json.encode(event)) == example["event"]


@pytest.fixture(scope="module")
def parser(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory with the official parser, exactly as the lock file names it."""
    directory = tmp_path_factory.mktemp("asyncapi")
    for name in ("package.json", "package-lock.json", "parse.mjs"):
        shutil.copy(HERE / name, directory)
    asyncio.run(_output(directory, "npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund"))
    return directory


async def _output(directory: Path, *command: str) -> str:
    process = await asyncio.create_subprocess_exec(*command, cwd=directory, stdout=PIPE, stderr=PIPE)
    output, errors = await process.communicate()
    assert process.returncode == 0, errors.decode()
    return output.decode()


@needs_npm
@pytest.mark.timeout(300)
@pytest.mark.full
@pytest.mark.parametrize("broken", [False, True])
def test_the_official_parser_accepts_it(parser: Path, tmp_path: Path, *, broken: bool) -> None:
    """And refuses one in which an operation goes neither way, so it does look."""
    document = yaml.safe_load(PAGE.read_text())
    if broken:
        document["operations"]["subscribe"]["action"] = "ignore"
    page = tmp_path / "asyncapi.yaml"
    page.write_text(yaml.safe_dump(document) if broken else PAGE.read_text())
    answer = json.loads(asyncio.run(_output(parser, "node", "parse.mjs", str(page))))
    # Severities: 0 error, 1 warning, 2 information, which is that there is a newer version of AsyncAPI.
    serious = [one for one in answer["diagnostics"] if one["severity"] < 2]
    assert bool(serious) == broken, serious
    assert answer["accepted"] or broken


def _write() -> None:
    """The schemas are the last part of the page."""
    kept, mark, _ = PAGE.read_text().partition("\n  schemas:\n")
    shown = yaml.safe_dump(schemas(), sort_keys=False, allow_unicode=True, width=110)
    PAGE.write_text(kept + mark + textwrap.indent(shown, "    "))


if __name__ == "__main__":
    _write()
