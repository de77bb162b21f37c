"""The api's own ports: one for each dialect that was given one, and what it passes on to the notifier."""

from functools import partial

import pytest

from services.api.events_tunnel.protocol import FILES_EACH, EventsHttpProtocol
from services.api.serving import events_options, listen_for_dialects
from services.api.settings import ApiSettings
from shared.service.http_server.server import listen
from shared.settings import SettingsError

NOTIFIER = "http://127.0.0.1:8071"


def settings(port: int) -> ApiSettings:
    return ApiSettings(
        token_secret="x" * 32,
        dialects="executions,livecode",
        api_dialect_ports=f"executions={port}",
        api_events_upstream=NOTIFIER,
    )


def test_a_dialect_listens_at_its_port_and_its_socket_is_served_there_too() -> None:
    given = settings(0)
    dialects = listen_for_dialects(given)
    (listener,) = dialects
    with listener:
        assert dialects == {listener: "executions"}
        options = events_options(given, dialects)
        port = listener.getsockname()[1]
    assert options["files_each"] == FILES_EACH
    protocol = options["http"]
    assert isinstance(protocol, partial)
    assert protocol.func is EventsHttpProtocol
    assert protocol.keywords["dialects"] == ("executions", "livecode")
    assert list(protocol.keywords["prefixes"]) == [port]


def test_a_port_that_is_taken_is_refused_by_its_setting() -> None:
    with listen("127.0.0.1", 0) as taken, pytest.raises(SettingsError, match="HEADRACE_API_DIALECT_PORTS"):
        listen_for_dialects(settings(taken.getsockname()[1]))


def test_without_a_notifier_behind_it_the_api_serves_no_events() -> None:
    assert events_options(ApiSettings(token_secret="x" * 32), {}) == {}
