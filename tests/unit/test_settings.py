"""Settings name the variable that is wrong and what it may be, and never show a secret."""

from pathlib import Path

import pytest

from shared.settings import BrokerSettings, ListenSettings, SettingsError, TokenSettings, load


def test_defaults_and_given_values() -> None:
    settings = load(ListenSettings, {"HEADRACE_HEALTH_PORT": "99", "OTHER": "x"})
    assert settings == ListenSettings(health_port=99)


def test_a_value_of_the_wrong_kind_names_its_variable() -> None:
    with pytest.raises(SettingsError, match="HEADRACE_HEALTH_PORT"):
        load(ListenSettings, {"HEADRACE_HEALTH_PORT": "many"})


@pytest.mark.parametrize("port", ["-1", "65536", "1.5", ""])
def test_a_value_out_of_range_names_its_variable(port: str) -> None:
    with pytest.raises(SettingsError, match="HEADRACE_HEALTH_PORT"):
        load(ListenSettings, {"HEADRACE_HEALTH_PORT": port})


@pytest.mark.parametrize("password", ["null", "true", "007"])
def test_a_text_is_taken_as_it_is(password: str) -> None:
    environ = {"HEADRACE_NATS_USER": "null", "HEADRACE_NATS_PASSWORD": password}
    settings = load(BrokerSettings, environ)
    assert (settings.nats_user, settings.nats_password) == ("null", password)


def test_a_missing_secret_is_told_and_has_no_default() -> None:
    with pytest.raises(SettingsError, match="HEADRACE_TOKEN_SECRET"):
        load(TokenSettings, {})


def test_an_error_says_what_was_given_and_what_is_allowed_in_one_line() -> None:
    with pytest.raises(SettingsError) as caught:
        load(ListenSettings, {"HEADRACE_HEALTH_PORT": "many\n\x1b[2J" + "y" * 1_000})
    said = str(caught.value)
    assert said.startswith(r"HEADRACE_HEALTH_PORT: 'many\n\x1b[2Jyyyy")
    assert said.endswith("… is not allowed: it must be a whole number from 0 to 65535")
    assert len(said) < 300


def test_an_error_never_shows_a_secret(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("hunter2")
    for environ in (
        {"HEADRACE_TOKEN_SECRET": "hunter2"},
        {"HEADRACE_TOKEN_SECRET_FILE": str(tmp_path / "secret")},
    ):
        with pytest.raises(SettingsError) as caught:
            load(TokenSettings, environ)
        assert str(caught.value) == (
            "HEADRACE_TOKEN_SECRET: its value is not allowed (it has 7 bytes): "
            "it must be a text of at least 32 bytes"
        )


def test_the_environment_is_only_read_when_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HEADRACE_NATS_URL", "nats://elsewhere:1")
    assert load(BrokerSettings).nats_url == "nats://elsewhere:1"


@pytest.mark.parametrize("end", ["", "\n", "\r\n"])
def test_a_secret_may_stand_in_a_file(tmp_path: Path, end: str) -> None:
    secret = f" {'hunter2' * 5} "
    (tmp_path / "secret").write_bytes(f"{secret}{end}".encode())
    settings = load(TokenSettings, {"HEADRACE_TOKEN_SECRET_FILE": str(tmp_path / "secret")})
    assert settings.token_secret == secret
    environ = {"HEADRACE_NATS_USER": "api", "HEADRACE_NATS_PASSWORD_FILE": str(tmp_path / "secret")}
    assert load(BrokerSettings, environ).nats_password == secret


def test_only_a_secret_may_stand_in_a_file(tmp_path: Path) -> None:
    (tmp_path / "user").write_text("api")
    assert load(BrokerSettings, {"HEADRACE_NATS_USER_FILE": str(tmp_path / "user")}).nats_user is None


def test_a_secret_that_is_given_twice_is_refused(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("hunter2")
    environ = {"HEADRACE_TOKEN_SECRET_FILE": str(tmp_path / "secret"), "HEADRACE_TOKEN_SECRET": "hunter3"}
    with pytest.raises(SettingsError, match="HEADRACE_TOKEN_SECRET and HEADRACE_TOKEN_SECRET_FILE") as caught:
        load(TokenSettings, environ)
    assert "hunter" not in str(caught.value)


@pytest.mark.parametrize("content", [None, b"", b"\n", b"hunter2\xff"])
def test_a_secret_that_cannot_be_read_names_its_variable(tmp_path: Path, content: bytes | None) -> None:
    if content is not None:
        (tmp_path / "secret").write_bytes(content)
    with pytest.raises(SettingsError, match=f"HEADRACE_TOKEN_SECRET_FILE: '{tmp_path}/secret'") as caught:
        load(TokenSettings, {"HEADRACE_TOKEN_SECRET_FILE": str(tmp_path / "secret")})
    assert "hunter" not in str(caught.value)
