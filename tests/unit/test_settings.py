"""Settings name the variable that is wrong and never show a value."""

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


def test_a_missing_secret_is_told_and_has_no_default() -> None:
    with pytest.raises(SettingsError, match="HEADRACE_TOKEN_SECRET"):
        load(TokenSettings, {})


def test_an_error_never_shows_the_value() -> None:
    with pytest.raises(SettingsError) as caught:
        load(ListenSettings, {"HEADRACE_HEALTH_PORT": "hunter2"})
    assert "hunter2" not in str(caught.value)


def test_the_environment_is_only_read_when_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HEADRACE_NATS_URL", "nats://elsewhere:1")
    assert load(BrokerSettings).nats_url == "nats://elsewhere:1"
