"""Who may connect, who may go on, and the close code of everyone else (docs/protocol.md 1 to 3 and 8)."""

import asyncio
from contextlib import suppress

import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed

from services.notifier.app import MESSAGE_BYTES_MAX
from tests.integration.notifier.client import Client, connected
from tests.integration.notifier.conftest import Serve, token


@pytest.mark.clause("2.3", "2.5")
async def test_a_token_in_the_first_message_is_acknowledged(url: str) -> None:
    async with connected(url) as client:
        ack = await client.init(token(lasts_s=600))
    assert ack["ping_s"] == 20
    assert 580 <= ack["expires_in"] <= 590
    assert ack["max_subscriptions"] == 100
    assert ack["connection_id"]
    assert client.socket.subprotocol == "headrace.v1"


@pytest.mark.clause("2.3")
async def test_a_token_in_the_header_is_acknowledged(url: str) -> None:
    async with connected(url, header_token=token()) as client:
        await client.init()


@pytest.mark.clause("2.4")
@pytest.mark.parametrize(
    "sent",
    [
        pytest.param(None, id="no token"),
        pytest.param("", id="empty"),
        pytest.param("not.a.token", id="unreadable"),
        pytest.param(token()[:-4] + "AAAA", id="wrong signature"),
        pytest.param(token(lasts_s=-1), id="expired"),
        pytest.param(token(scopes=frozenset({"audit:all"})), id="without the scope"),
    ],
)
async def test_a_bad_token_is_refused(url: str, sent: str | None) -> None:
    async with connected(url) as client:
        await client.send(type="connection_init", **({} if sent is None else {"token": sent}))
        assert await client.close_code() == 4401
    assert client.socket.close_reason
    assert not sent or sent not in client.socket.close_reason


@pytest.mark.clause("1.4")
async def test_nothing_is_compressed(url: str) -> None:
    async with connected(url, compression="deflate") as client:
        assert client.socket.request is not None
        assert "permessage-deflate" in client.socket.request.headers["Sec-WebSocket-Extensions"]
        assert client.socket.response is not None
        assert "Sec-WebSocket-Extensions" not in client.socket.response.headers


@pytest.mark.clause("2.4")
async def test_a_bad_token_in_the_header_is_refused(url: str) -> None:
    async with connected(url, header_token="nonsense") as client:
        await client.send(type="connection_init")
        assert await client.close_code() == 4401


@pytest.mark.clause("2.6")
async def test_an_expired_token_ends_the_connection(url: str) -> None:
    async with connected(url, token=token(lasts_s=3.0)) as client:
        await client.subscribe()
        assert await client.close_code() == 4401


@pytest.mark.clause("2.4")
async def test_a_command_before_the_token_is_refused(url: str) -> None:
    async with connected(url) as client:
        await client.ask()
        assert await client.close_code() == 4401


@pytest.mark.clause("2.3")
async def test_silence_before_the_token_is_refused(serve: Serve) -> None:
    async with connected(await serve(notifier_init_s=0.2)) as client:
        assert await client.close_code() == 4408


@pytest.mark.clause("2.1")
@pytest.mark.parametrize("offered", [None, "graphql-transport-ws"])
async def test_another_subprotocol_is_refused(url: str, offered: str | None) -> None:
    async with connected(url, subprotocol=offered) as client:
        assert await client.close_code() == 4406


@pytest.mark.clause("2.2")
async def test_a_foreign_origin_is_refused(url: str) -> None:
    async with connected(url, origin="https://evil.example") as client:
        assert await client.close_code() == 4403


@pytest.mark.clause("2.2")
async def test_the_own_and_the_listed_origins_may_connect(serve: Serve) -> None:
    url = await serve(notifier_origins="https://one.example, https://two.example")
    host = url.removeprefix("ws://").partition("/")[0]
    for origin in (f"http://{host}", "https://two.example"):
        async with connected(url, origin=origin, token=token()):
            pass


@pytest.mark.clause("1.2")
@pytest.mark.parametrize(
    "frame",
    [
        pytest.param("{", id="not JSON"),
        pytest.param("[]", id="no object"),
        pytest.param("{}", id="no type"),
        pytest.param('{"type":"launch"}', id="unknown type"),
        pytest.param('{"type":"subscribe","job_id":"*"}', id="no id"),
        pytest.param('{"type":"subscribe","id":7,"job_id":"*"}', id="id is no text"),
        pytest.param('{"type":"subscribe","id":"","job_id":"*"}', id="empty id"),
        pytest.param('{"type":"subscribe","id":"' + "x" * 200 + '","job_id":"*"}', id="long id"),
        pytest.param('{"type":"ping","x":' + "[" * 30_000 + "]" * 30_000 + "}", id="deep"),
        pytest.param('{"type":"connection_init"}', id="second init"),
        pytest.param(b'{"type":"ping"}', id="binary"),
    ],
)
async def test_a_malformed_frame_is_refused(url: str, frame: str | bytes) -> None:
    async with connected(url, token=token()) as client:
        await client.socket.send(frame)
        assert await client.close_code() == 4400


@pytest.mark.clause("1.2")
async def test_an_oversized_frame_is_refused(url: str) -> None:
    async with connected(url, token=token()) as client:
        await client.socket.send('{"type":"ping","x":"' + "x" * MESSAGE_BYTES_MAX + '"}')
        assert await client.close_code() == 1009


@pytest.mark.clause("4.4")
async def test_a_subscription_id_in_use_is_refused(url: str) -> None:
    async with connected(url, token=token()) as client:
        await client.subscribe(id="a")
        await client.ask(id="a")
        assert await client.close_code() == 4409


@pytest.mark.clause("4.4")
async def test_too_many_subscriptions_are_refused(serve: Serve) -> None:
    async with connected(await serve(notifier_subscriptions_max=2), token=token()) as client:
        await client.subscribe(id="a")
        await client.subscribe(id="b")
        await client.ask(id="c")
        assert await client.close_code() == 4429


@pytest.mark.clause("1.3")
async def test_a_flood_of_messages_is_refused(serve: Serve) -> None:
    async with connected(await serve(notifier_commands_per_s=5.0), token=token()) as client:
        for _ in range(40):
            await client.send(type="ping")
        assert await client.close_code() == 4429


@pytest.mark.clause("2.7")
async def test_too_many_connections_are_refused(serve: Serve) -> None:
    url = await serve(notifier_connections_max=1)
    async with connected(url, token=token()) as first:
        async with connected(url) as second:
            assert await second.close_code() == 4503
        await first.subscribe()


@pytest.mark.clause("2.7")
async def test_too_many_connections_of_one_user_are_refused(serve: Serve) -> None:
    url = await serve(notifier_user_connections_max=1)
    async with connected(url, token=token()), connected(url) as second:
        await second.send(type="connection_init", token=token())
        assert await second.close_code() == 4503
        async with connected(url, token=token("bob")):
            pass


async def test_a_place_is_free_again_after_a_disconnection(serve: Serve) -> None:
    url = await serve(notifier_user_connections_max=1)
    for _ in range(3):
        async with connected(url, token=token()) as client:
            client.socket.transport.abort()
        # The server learns of it in its own time.
        while await _is_refused(url):
            pass


async def _is_refused(url: str) -> bool:
    async with connected(url) as client:
        await client.send(type="connection_init", token=token())
        await client.send(type="ping")
        with suppress(ConnectionClosed):
            await client.expect("connection_ack")
            return False
    assert client.socket.close_code == 4503
    return True


@pytest.mark.clause("3.2")
async def test_a_ping_is_answered_even_before_the_token(url: str) -> None:
    async with connected(url) as client:
        await client.send(type="ping")
        await client.expect("pong")


@pytest.mark.clause("3.1")
async def test_a_client_that_answers_pings_stays(serve: Serve) -> None:
    async with connected(await serve(notifier_ping_s=0.1), token=token()) as client:
        client.answers_pings = False
        for _ in range(5):
            await client.expect("ping")
            await client.send(type="pong")


@pytest.mark.clause("3.1")
async def test_a_client_that_does_not_answer_is_refused(serve: Serve) -> None:
    async with connected(await serve(notifier_ping_s=0.1), token=token()) as client:
        client.answers_pings = False
        await client.expect("ping")
        assert await client.close_code() == 4408


async def test_a_plain_request_is_no_socket(url: str) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", int(url.split(":")[2].partition("/")[0]))
    writer.write(b"GET /v1/ws HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
    assert b"404" in await reader.readline()
    writer.close()
    await writer.wait_closed()


@pytest.mark.clause("2.3")
async def test_the_token_in_a_query_is_not_read(url: str) -> None:
    async with connect(f"{url}?token={token()}", subprotocols=["headrace.v1"]) as socket:  # type: ignore[list-item]
        client = Client(socket)
        await client.send(type="connection_init")
        assert await client.close_code() == 4401
