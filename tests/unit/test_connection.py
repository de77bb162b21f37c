"""Which Headrace is meant, who calls it, and through what."""

import asyncio
from pathlib import Path

import pytest

from headrace.client.credentials import Credentials
from headrace.client.endpoint import Endpoint, endpoint, named
from headrace.client.http import proxy_of
from headrace.local.stack import StackError

VARIABLES = ("HEADRACE_API_URL", "HEADRACE_TOKEN", "HEADRACE_WEBSOCKET_URL", "HEADRACE_DATA")


@pytest.fixture(autouse=True)
def _bare(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)
    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)


def test_what_is_given_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HEADRACE_API_URL", "http://elsewhere")
    monkeypatch.setenv("HEADRACE_TOKEN", "from the environment")
    assert named("https://here/", "t") == Endpoint("https://here/", None, "t")
    assert named("http://here", "t", "wss://there/ws") == Endpoint("http://here", "wss://there/ws", "t")
    assert named("http://here").token == "from the environment"


def test_the_environment_is_asked_next(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HEADRACE_API_URL", "https://elsewhere")
    with pytest.raises(StackError, match="HEADRACE_TOKEN"):
        named()
    monkeypatch.setenv("HEADRACE_TOKEN", "t")
    assert named() == Endpoint("https://elsewhere", None, "t")
    assert named(token="mine").token == "mine"
    monkeypatch.setenv("HEADRACE_WEBSOCKET_URL", "ws://live/v1/ws")
    assert named().websocket_url == "ws://live/v1/ws"


def test_without_anything_it_is_said_how_to_start_one(tmp_path: Path) -> None:
    with pytest.raises(StackError, match="headrace up"):
        named()
    with pytest.raises(StackError, match="headrace up"):
        endpoint(tmp_path)


def test_nobody_calls_without_a_token() -> None:
    with pytest.raises(StackError, match="HEADRACE_TOKEN"):
        named("http://here")


@pytest.mark.parametrize("url", ["", "here", "ftp://here", "http://", "http://[", "http://here:x", "//here"])
def test_what_is_no_address_is_refused(url: str) -> None:
    with pytest.raises(StackError, match="no address"):
        named(url, "t", "ws://here/v1/ws")
    with pytest.raises(StackError, match="no address"):
        named("http://here", "t", url or "nothing")


def test_the_proxy_of_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", "http://proxy:1")
    monkeypatch.setenv("all_proxy", "http://proxy:2")
    monkeypatch.setenv("no_proxy", "inside.example")
    assert proxy_of("http://host") == proxy_of("ws://host/v1/ws") == "http://proxy:1"
    assert proxy_of("https://host") == proxy_of("wss://host/v1/ws") == "http://proxy:2"
    assert proxy_of("https://inside.example") is None


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "127.1.2.3", "[::1]"])
def test_this_machine_has_no_proxy(monkeypatch: pytest.MonkeyPatch, host: str) -> None:
    monkeypatch.setenv("all_proxy", "http://proxy:2")
    assert proxy_of(f"http://{host}:80/") is None


async def test_callers_at_a_time_share_a_fresh_token() -> None:
    asked = 0

    async def token() -> str:
        nonlocal asked
        asked += 1
        await asyncio.sleep(0)
        return f"token {asked}"

    credentials = Credentials(token)
    assert credentials.can_be_renewed
    first = await credentials.token()
    renewed = await asyncio.gather(*(credentials.other_than(first) for _ in range(5)))
    assert set(renewed) == {"token 2"}
    assert await credentials.token() == "token 2"


async def test_a_text_is_all_there_is() -> None:
    credentials = Credentials("token")
    assert not credentials.can_be_renewed
    assert await credentials.other_than("token") == "token"
