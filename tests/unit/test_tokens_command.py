"""`python -m shared.auth`: a token where the settings are, and nothing else on standard output."""

from datetime import UTC, datetime, timedelta

import pytest

from shared.auth import LEEWAY_S, Caller, Tokens
from shared.auth.__main__ import main
from shared.settings import TokenSettings
from tests.issuer import SECRET

Output = pytest.CaptureFixture[str]


@pytest.fixture(autouse=True)
def secret(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a service has in its environment."""
    monkeypatch.setenv("HEADRACE_TOKEN_SECRET", SECRET)


def caller_of(printed: str) -> Caller:
    assert printed.endswith("\n")
    return Tokens(TokenSettings(token_secret=SECRET)).verify(printed[:-1])


def test_a_token_is_for_a_day_and_for_the_scope_of_users(capsys: Output) -> None:
    main(["alice"])
    caller = caller_of(capsys.readouterr().out)
    assert (caller.user_id, caller.scopes, caller.concurrency) == ("alice", frozenset({"jobs"}), 1)
    left = caller.expires_at - datetime.now(UTC)
    assert abs(left - timedelta(hours=24)) < timedelta(seconds=LEEWAY_S)


def test_what_it_is_asked_for_is_in_the_token(capsys: Output) -> None:
    main(["olga", "--hours", "0.5", "--scope", "ops", "--scope", "audit:all", "--concurrency", "7"])
    caller = caller_of(capsys.readouterr().out)
    assert (caller.scopes, caller.concurrency) == (frozenset({"ops", "audit:all"}), 7)
    assert caller.expires_at - datetime.now(UTC) <= timedelta(minutes=30)


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        ([], "user"),
        (["alice", "--scope", "op"], "'audit:all', 'jobs', 'ops'"),
        (["alice", "--hours", "0"], "above 0"),
        (["alice", "--hours", "nan"], "above 0"),
        (["alice", "--hours", "day"], "--hours"),
        (["alice", "--concurrency", "0"], "at least 1"),
        (["x" * 129], "128 bytes"),
        ([""], "token: "),
    ],
)
def test_what_it_cannot_do_is_told_and_ends_with_2(arguments: list[str], why: str, capsys: Output) -> None:
    with pytest.raises(SystemExit) as caught:
        main(arguments)
    assert caught.value.code == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert why.replace("'", "") in said.err.replace("'", "")
    assert SECRET not in said.err


def test_without_a_secret_it_says_which_setting_is_missing(
    capsys: Output, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("HEADRACE_TOKEN_SECRET")
    with pytest.raises(SystemExit):
        main(["alice"])
    assert capsys.readouterr().err.startswith("token: HEADRACE_TOKEN_SECRET is not set")
