"""Which dialects there are, and how settings and options name them."""

import pytest

from headrace.local.dialect_ports import parse_options, settings_of
from headrace.local.stack import StackError
from services.api.dialects import discovery as at_api
from services.api.settings import ApiSettings
from services.notifier.settings import NotifierSettings
from services.notifier.transports.dialects import discovery as at_notifier
from shared.dialects.names import DIALECTS, DialectPortError, label_of, parse_ports
from shared.settings import SettingsError, load

SECRET = {"HEADRACE_TOKEN_SECRET": "x" * 32}
UPSTREAM = {"HEADRACE_API_EVENTS_UPSTREAM": "http://127.0.0.1:8071"}


@pytest.mark.row("all", "1.1")
@pytest.mark.parametrize("kind", [ApiSettings, NotifierSettings])
def test_a_dialect_is_off_unless_it_is_named(kind: type[ApiSettings | NotifierSettings]) -> None:
    assert load(kind, SECRET).named_dialects == ()
    named = load(kind, {**SECRET, "HEADRACE_DIALECTS": " jobs, progress,jobs"}).named_dialects
    assert named == ("jobs", "progress")
    with pytest.raises(SettingsError, match=r"HEADRACE_DIALECTS: .*; did you mean executions"):
        load(kind, {**SECRET, "HEADRACE_DIALECTS": "jobs,execution"})


def test_each_name_has_a_half_at_the_api_though_it_may_be_empty() -> None:
    assert len(at_api.find_dialects(DIALECTS)) == len(DIALECTS)
    assert len(at_notifier.find_transports(DIALECTS)) <= len(DIALECTS)
    assert at_notifier.find_transports([]) == []


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("jobs", "'jobs' names no port"),
        ("jobs=", "names no port"),
        ("jobs=x", "names no port"),
        ("jobs=-1", "names no port"),
        ("jobs=65536", "65536 is no port"),
        ("jobs=8001,jobs=8002", "jobs is named twice"),
        ("jobs=8001,progress=8001", "port 8001 is given twice"),
        ("livecod=3000", "'livecod' is no dialect; did you mean livecode"),
        ("zzzz=3000", "'zzzz' is no dialect$"),
    ],
)
def test_ports_that_are_none_are_refused(text: str, why: str) -> None:
    with pytest.raises(DialectPortError, match=why):
        parse_ports(text)
    with pytest.raises(StackError, match="--dialect: "):
        parse_options(text.split(","))


def test_free_ports_may_be_several() -> None:
    assert parse_ports("jobs=0, progress=0") == {"jobs": 0, "progress": 0}
    assert parse_options(["executions=8001"]) == {"executions": 8001}


@pytest.mark.row("all", "1.4")
@pytest.mark.parametrize(
    ("given", "why"),
    [
        ({"DIALECTS": "jobs", "API_DIALECT_PORTS": "jobs=8001"}, "API_EVENTS_UPSTREAM is not"),
        ({**UPSTREAM, "API_DIALECT_PORTS": "jobs=8001"}, "HEADRACE_DIALECTS does not name it"),
        ({**UPSTREAM, "DIALECTS": "jobs", "API_DIALECT_PORTS": "jobs=8070"}, "is the api's own"),
    ],
)
def test_a_port_needs_a_dialect_that_is_served_and_a_notifier(given: dict[str, str], why: str) -> None:
    environment = {f"HEADRACE_{name.removeprefix('HEADRACE_')}": value for name, value in given.items()}
    with pytest.raises(SettingsError, match=why):
        load(ApiSettings, {**SECRET, **environment})


def test_a_local_stack_serves_what_the_environment_names_besides() -> None:
    assert settings_of({}, "jobs") == {}
    assert settings_of({"livecode": 3000}, "jobs") == {
        "HEADRACE_DIALECTS": "jobs,livecode",
        "HEADRACE_API_DIALECT_PORTS": "livecode=3000",
    }


def test_a_label_of_a_dialect_has_a_name_that_clients_cannot_give() -> None:
    assert label_of("connection_id") == "dialect:connection_id"
