"""Every message of a client, before and after the token, and what the protocol makes of it."""

import json
from math import inf
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.notifier.connections.close import UNAUTHENTICATED, Close
from services.notifier.connections.grant import Grant
from services.notifier.events.position import FeedMark, Position
from services.notifier.transports.headrace_v1.actions import (
    Action,
    Authenticate,
    CancelJob,
    GetStatus,
    RefreshToken,
    Send,
    StartSubscription,
    StopSubscription,
)
from services.notifier.transports.headrace_v1.close_codes import code_of
from services.notifier.transports.headrace_v1.messages import ErrorShown, Refreshed, ServerPing, ServerPong
from services.notifier.transports.headrace_v1.protocol import Protocol, Rules, refuse_handshake
from tests.builders import JOB, USER

RULES = Rules(init_s=5, ping_s=20, subscriptions_max=3, commands_per_s=10)


def new(header_token: str | None = None) -> Protocol:
    return Protocol(RULES, header_token=header_token, now=0)


def ready(lasts_s: float = 1_000) -> Protocol:
    protocol = new()
    assert receive(protocol, type="connection_init", token="t") == [Authenticate("t")]
    protocol.accept_token(Grant(USER, int(lasts_s), lasts_s), now=0)
    return protocol


def receive(protocol: Protocol, *, now: float = 0, **message: Any) -> list[Action]:  # noqa: ANN401 - JSON
    return protocol.receive(json.dumps(message), now)


def code(actions: list[Action]) -> int:
    [close] = actions
    assert isinstance(close, Close)
    assert close.reason
    return code_of(close)


def error(actions: list[Action]) -> tuple[str | None, str]:
    [send] = actions
    assert isinstance(send, Send)
    assert isinstance(send.message, ErrorShown)
    return send.message.id, send.message.code


@pytest.mark.clause("2.3")
@pytest.mark.parametrize(
    ("header", "message", "used"),
    [
        pytest.param(None, {"token": "m"}, "m", id="message"),
        pytest.param("h", {}, "h", id="header"),
        pytest.param("h", {"token": "m"}, "m", id="the message goes before the header"),
        pytest.param("h", {"token": None}, "h", id="null is no token"),
    ],
)
def test_which_token_counts(header: str | None, message: dict[str, Any], used: str) -> None:
    assert receive(new(header), type="connection_init", **message) == [Authenticate(used)]


@pytest.mark.clause("2.4")
@pytest.mark.parametrize("message", [{}, {"token": ""}])
def test_without_a_token_the_connection_ends(message: dict[str, Any]) -> None:
    assert code(receive(new(), type="connection_init", **message)) == 4401


@pytest.mark.clause("2.3")
def test_an_empty_token_does_not_fall_back_to_the_header() -> None:
    assert code(receive(new("h"), type="connection_init", token="")) == 4401


@pytest.mark.clause("2.4")
@pytest.mark.parametrize("kind", ["subscribe", "unsubscribe", "status", "cancel", "refresh"])
def test_nothing_is_done_before_the_token(kind: str) -> None:
    assert code(receive(new(), type=kind, id="s", job_id="*", token="t")) == 4401


@pytest.mark.clause("2.4")
def test_nothing_is_done_while_the_token_is_being_verified() -> None:
    protocol = new()
    receive(protocol, type="connection_init", token="t")
    assert code(receive(protocol, type="subscribe", id="s", job_id="*")) == 4401


@pytest.mark.clause("4.2")
@pytest.mark.parametrize(
    ("job_id", "after", "begun"),
    [
        ("*", {}, StartSubscription("s", None, "now")),
        (JOB, {}, StartSubscription("s", JOB, "start")),
        ("*", {"after": "start"}, StartSubscription("s", None, "start")),
        (JOB, {"after": "now"}, StartSubscription("s", JOB, "now")),
        ("*", {"after": "7-99.3"}, StartSubscription("s", None, Position(7, FeedMark(99, 3)))),
        (JOB, {"after": "7-99"}, StartSubscription("s", JOB, Position(7, FeedMark(99, None)))),
        (JOB, {"after": None}, StartSubscription("s", JOB, "start")),
    ],
)
def test_where_a_subscription_begins(job_id: str, after: dict[str, Any], begun: StartSubscription) -> None:
    assert receive(ready(), type="subscribe", id="s", job_id=job_id, **after) == [begun]


@pytest.mark.clause("6.4")
def test_a_bad_cursor_leaves_the_id_free() -> None:
    protocol = ready()
    assert error(receive(protocol, type="subscribe", id="s", job_id="*", after="x")) == ("s", "bad_cursor")
    assert receive(protocol, type="subscribe", id="s", job_id="*") == [StartSubscription("s", None, "now")]


@pytest.mark.clause("4.5")
@pytest.mark.parametrize("job_id", ["", "x", ">", "*.*", JOB.upper(), JOB + ".x", f"{JOB}\n"])
@pytest.mark.parametrize("kind", ["subscribe", "status", "cancel"])
def test_a_text_that_is_no_job_id_is_an_unknown_job(kind: str, job_id: str) -> None:
    assert error(receive(ready(), type=kind, id="s", job_id=job_id)) == ("s", "unknown_job")


@pytest.mark.clause("4.4", "4.6")
def test_an_id_in_use_ends_the_connection_until_it_is_free() -> None:
    for free in (lambda p: p.end_subscription("s"), lambda p: receive(p, type="unsubscribe", id="s")):
        protocol = ready()
        receive(protocol, type="subscribe", id="s", job_id="*")
        free(protocol)
        assert receive(protocol, type="subscribe", id="s", job_id="*") == [
            StartSubscription("s", None, "now")
        ]
        assert code(receive(protocol, type="subscribe", id="s", job_id=JOB)) == 4409


@pytest.mark.clause("4.4")
def test_subscriptions_are_counted() -> None:
    protocol = ready()
    for number in range(RULES.subscriptions_max):
        receive(protocol, type="subscribe", id=str(number), job_id="*")
    protocol.end_subscription("0")
    receive(protocol, type="subscribe", id="again", job_id="*")
    assert code(receive(protocol, type="subscribe", id="more", job_id="*")) == 4429


def test_the_other_commands() -> None:
    protocol = ready()
    assert receive(protocol, type="unsubscribe", id="s") == [StopSubscription("s")]
    assert receive(protocol, type="status", id="s", job_id=JOB) == [GetStatus("s", JOB)]
    assert receive(protocol, type="ping") == [Send(ServerPong())]
    assert receive(protocol, type="pong") == []
    assert receive(protocol, type="cancel", id="s", job_id=JOB) == [CancelJob("s", JOB)]
    assert receive(protocol, type="refresh", token="t") == [RefreshToken("t")]


@pytest.mark.clause("1.1")
def test_unknown_fields_are_ignored() -> None:
    assert receive(ready(), type="ping", later=1) == [Send(ServerPong())]


@given(st.text(max_size=200))
def test_no_text_breaks_it(text: str) -> None:
    assert all(isinstance(action, Close | Send) for action in ready().receive(text, 0))


@pytest.mark.clause("1.2")
@pytest.mark.parametrize("text", ["", "{", "null", "[]", '"ping"', "{}", '{"type":1}', '{"type":"x"}'])
def test_malformed_texts(text: str) -> None:
    assert code(ready().receive(text, 0)) == 4400


@pytest.mark.clause("4.1")
@pytest.mark.parametrize("identifier", ["", "x" * 129, "é" * 65])
@pytest.mark.parametrize("kind", ["subscribe", "unsubscribe", "status", "cancel"])
def test_ids_are_bounded(kind: str, identifier: str) -> None:
    assert code(receive(ready(), type=kind, id=identifier, job_id="*")) == 4400


@pytest.mark.clause("1.2", "2.4")
def test_binary_and_a_second_init_are_malformed() -> None:
    assert code(ready().receive_binary()) == 4400
    assert code(receive(ready(), type="connection_init", token="t")) == 4400


def test_after_the_close_nothing_is_answered() -> None:
    protocol = ready()
    protocol.receive_binary()
    assert receive(protocol, type="ping") == []
    assert protocol.on_time(10_000) == []
    assert protocol.deadline == inf


@pytest.mark.clause("1.3")
def test_a_flood_ends_the_connection_and_patience_does_not() -> None:
    protocol = ready()
    for second in range(100):
        for _ in range(10):
            assert receive(protocol, type="ping", now=second) == [Send(ServerPong())]
    flooded = [receive(protocol, type="ping", now=100) for _ in range(60)]
    assert code(next(actions for actions in flooded if not isinstance(actions[0], Send))) == 4429


@pytest.mark.clause("2.3")
def test_silence_before_the_token() -> None:
    protocol = new()
    assert protocol.deadline == 5
    assert protocol.on_time(4.9) == []
    assert code(protocol.on_time(5)) == 4408


@pytest.mark.clause("2.4")
def test_a_refused_token() -> None:
    protocol = new()
    receive(protocol, type="connection_init", token="t")
    assert protocol.refuse_token("why") == [Close(UNAUTHENTICATED, "why")]


@pytest.mark.clause("3.1")
def test_pings_go_on_while_they_are_answered() -> None:
    protocol = ready()
    for number in range(1, 5):
        assert protocol.deadline == number * 20
        assert protocol.on_time(number * 20) == [Send(ServerPing())]
        receive(protocol, type="pong", now=number * 20 + 1)
    protocol.on_time(100)
    receive(protocol, type="ping", now=101)
    assert code(protocol.on_time(120)) == 4408, "only a pong answers a ping"


@pytest.mark.clause("3.1")
def test_no_answer_is_due_to_a_ping_that_waits_behind_events() -> None:
    protocol = ready(lasts_s=1_000)
    assert protocol.on_time(20) == [Send(ServerPing())]
    for now in (40, 60, 80):
        assert protocol.on_time(now, ping_has_left=False) == [], "no other ping waits behind it"
    assert protocol.on_time(100) == [], "it may have left just now"
    assert code(protocol.on_time(120)) == 4408


@pytest.mark.clause("3.1")
def test_an_answer_to_a_ping_that_has_waited_counts() -> None:
    protocol = ready(lasts_s=1_000)
    protocol.on_time(20)
    protocol.on_time(40, ping_has_left=False)
    receive(protocol, type="pong", now=45)
    assert protocol.on_time(60) == [Send(ServerPing())]
    assert code(protocol.on_time(80)) == 4408


@pytest.mark.clause("2.6")
def test_an_expired_token_ends_the_connection() -> None:
    protocol = ready(lasts_s=7)
    assert protocol.deadline == 7
    assert code(protocol.on_time(7)) == 4401


@pytest.mark.clause("8.3")
def test_a_newer_token_moves_the_end() -> None:
    protocol = ready(lasts_s=7)
    assert protocol.accept_newer_token(Grant(USER, 90, 100), now=6) == [Send(Refreshed(expires_in=90))]
    assert protocol.on_time(7) == []
    assert protocol.deadline == 20, "the next ping"
    for now in (20, 40, 60, 80, 100):
        receive(protocol, type="pong", now=now)
        protocol.on_time(now)
    assert code(protocol.on_time(106)) == 4401


@pytest.mark.clause("8.3")
def test_a_newer_token_may_end_earlier() -> None:
    protocol = ready(lasts_s=1_000)
    protocol.accept_newer_token(Grant(USER, 0, 10), now=0)
    assert code(protocol.on_time(10)) == 4401


@pytest.mark.clause("8.3")
def test_a_token_of_another_user_ends_the_connection() -> None:
    assert code(ready().accept_newer_token(Grant("bob", 90, 100), now=0)) == 4401


@pytest.mark.clause("8.3")
def test_a_bad_newer_token_changes_nothing() -> None:
    protocol = ready(lasts_s=7)
    assert error(protocol.refuse_newer_token("why")) == (None, "bad_token")
    assert protocol.deadline == 7


@pytest.mark.clause("2.1", "2.2")
@pytest.mark.parametrize(
    ("offered", "origin", "origins", "refused"),
    [
        (["headrace.v1"], None, [], None),
        (["other", "headrace.v1"], "http://host:1", [], None),
        (["headrace.v1"], "https://host:1", [], None),
        (["headrace.v1"], "http://host:2", [], 4403),
        (["headrace.v1"], "http://host:1.evil", [], 4403),
        (["headrace.v1"], "null", [], 4403),
        (["headrace.v1"], "http://a", ["http://a"], None),
        (["headrace.v1"], "http://b", ["http://a"], 4403),
        (["headrace.v1"], "http://b", ["*"], None),
        ([], None, [], 4406),
        (["headrace.v2"], None, [], 4406),
    ],
)
def test_handshakes(offered: list[str], origin: str | None, origins: list[str], refused: int | None) -> None:
    close = refuse_handshake(offered, origin=origin, host="host:1", origins=frozenset(origins))
    assert (code_of(close) if close else None) == refused
