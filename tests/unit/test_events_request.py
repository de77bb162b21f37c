"""What the api passes on of a request for the notifier: written anew, so that nobody reads it in two ways."""

import re
from pathlib import Path

import httptools
import pytest

from services.api.events_tunnel.request import PATHS, EventsRequest, events_target

PROXY = Path(__file__).parents[2] / "deploy" / "proxy.conf"
HOST = (b"host", b"here:8070")
HANDSHAKE = (
    HOST,
    (b"connection", b"keep-alive, Upgrade"),
    (b"upgrade", b"WebSocket"),
    (b"sec-websocket-key", b"dGhlIHNhbXBsZSBub25jZQ=="),
)


def request(
    *fields: tuple[bytes, bytes], method: str = "GET", path: str = "/v1/ws", query: bytes = b"", **more: str
) -> EventsRequest:
    return EventsRequest(
        method=method,
        path=path,
        query=query,
        fields=fields,
        **{"version": "1.1", "client": "192.0.2.7"} | more,
    )


def lines_of(one: EventsRequest) -> list[bytes]:
    head = one.head()
    assert head.endswith(b"\r\n\r\n")
    assert head.count(b"\r\n\r\n") == 1
    return head.removesuffix(b"\r\n\r\n").split(b"\r\n")


def test_the_paths_are_those_that_the_proxy_of_a_deployment_gives_to_the_notifier() -> None:
    text = PROXY.read_text()
    for path in PATHS:
        found = [
            place
            for place, block in re.findall(r"location (.+?) \{(.*?)\n        \}", text, re.DOTALL)
            if "notifier" in block and (place == f"= {path}" or re.fullmatch(place.removeprefix("~ "), path))
        ]
        assert len(found) == 1, path


@pytest.mark.parametrize(
    ("url", "target"),
    [
        (b"/v1/ws", ("/v1/ws", b"")),
        (b"/v1/stream?after=start&job_id=a", ("/v1/stream", b"after=start&job_id=a")),
        (b"http://elsewhere:1/v1/ws?x", ("/v1/ws", b"x")),
        (b"/v1/%77s", ("/v1/ws", b"")),
        (b"/v1%2Fws", ("/v1/ws", b"")),
        (b"/v1/ws#part", ("/v1/ws", b"")),
        *(
            (url, None)
            for url in (
                *(b"/", b"*", b"//v1/ws", b"/v1/ws/", b"/v1/wss", b"/V1/ws", b"/v1/./ws", b"/v1/x/../ws"),
                *(
                    b"/v1/ws%2f",
                    b"/v1/ws%00",
                    b"/v1/%2577s",
                    b"http://v1/ws",
                    b"/v1/jobs?/v1/ws",
                    b"/metrics",
                ),
            )
        ),
    ],
)
def test_which_requests_are_the_notifier_s(url: bytes, target: tuple[str, bytes] | None) -> None:
    assert events_target(url) == target


def test_what_is_no_url_is_refused() -> None:
    with pytest.raises(httptools.HttpParserInvalidURLError):
        events_target(b"http://[/v1/ws")


def test_a_handshake_keeps_what_it_says_and_loses_what_is_of_one_connection() -> None:
    given = (
        *HANDSHAKE,
        (b"authorization", b"Bearer t"),
        (b"origin", b"https://one.example"),
        (b"x-forwarded-for", b"10.9.9.9"),
        (b"forwarded", b"for=10.9.9.9"),
        (b"keep-alive", b"timeout=5"),
        (b"content-length", b"0"),
    )
    assert lines_of(request(*given, query=b"a=b")) == [
        b"GET /v1/ws?a=b HTTP/1.1",
        b"host: here:8070",
        b"sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==",
        b"authorization: Bearer t",
        b"origin: https://one.example",
        b"x-forwarded-for: 192.0.2.7",
        b"via: 1.1 headrace-api",
        b"connection: upgrade",
        b"upgrade: websocket",
    ]


def test_a_request_is_the_only_one_of_its_connection() -> None:
    given = (
        HOST,
        (b"connection", b"keep-alive"),
        (b"transfer-encoding", b"chunked"),
        (b"expect", b"100-continue"),
    )
    one = request(*given, method="POST", path="/v1/stream")
    assert one.has_body
    assert lines_of(one) == [
        b"POST /v1/stream HTTP/1.1",
        b"host: here:8070",
        b"x-forwarded-for: 192.0.2.7",
        b"via: 1.1 headrace-api",
        b"connection: close",
    ]


def test_what_the_field_connection_names_is_left_out_but_for_the_host() -> None:
    given = (HOST, (b"connection", b"X-Mine , host"), (b"x-mine", b"1"), (b"x-other", b"2"))
    lines = lines_of(request(*given, path="/v1/stream"))
    assert b"host: here:8070" in lines
    assert b"x-other: 2" in lines
    assert b"x-mine: 1" not in lines


@pytest.mark.parametrize(
    "one",
    [
        request(*HANDSHAKE, method="POST"),
        request(*HANDSHAKE, path="/v1/stream"),
        request(*HANDSHAKE, version="1.0"),
        request(*HANDSHAKE, (b"upgrade", b"h2c")),
        request(*HANDSHAKE, (b"content-length", b"5")),
        request(*HANDSHAKE, (b"transfer-encoding", b"chunked")),
        request(HOST, (b"connection", b"upgrade"), (b"upgrade", b"h2c")),
        request(HOST, (b"upgrade", b"websocket")),
    ],
    ids=range(8),
)
def test_what_is_no_handshake_is_passed_on_as_an_ordinary_request(one: EventsRequest) -> None:
    assert not one.is_websocket
    lines = lines_of(one)
    assert b"connection: close" in lines
    assert not any(line.startswith(b"upgrade") for line in lines)


def test_an_old_client_is_answered_in_its_version() -> None:
    assert lines_of(request(version="1.0", path="/asyncapi.yaml"))[0] == b"GET /asyncapi.yaml HTTP/1.0"


def test_a_request_that_came_through_an_api_is_known() -> None:
    assert request(HOST, (b"via", b"1.1 proxy, 1.1 headrace-api")).is_loop
    assert not request(HOST, (b"via", b"1.1 proxy")).is_loop
