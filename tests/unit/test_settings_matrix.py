"""Every setting of every service, each with every kind of wrong value: refused in one line that helps.

The fields come from the structs, so a new setting is part of this by itself; it fails for one without bounds.
"""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal, NamedTuple, get_args, get_origin

import msgspec
import pytest
from pydantic import ValidationError

from services.api.jobs.schemas import LimitsBody
from services.api.settings import ApiSettings
from services.executor.settings import ExecutorSettings
from services.notifier.settings import NotifierSettings
from services.projector.settings import ProjectorSettings
from shared.jetstream.stream_config import ProvisionSettings
from shared.settings import Settings, SettingsError, TokenSettings, allowed_in, is_secret, load
from shared.settings.kinds import bounds_of, parts_of, rule_of, show

KINDS = (ApiSettings, ExecutorSettings, NotifierSettings, ProjectorSettings, ProvisionSettings)
SECRET = "hunter2-" * 5
DEPLOY = Path(__file__).parents[2] / "deploy"

WRONG_TEXTS: dict[str, tuple[str, ...]] = {
    "a text": (),
    "a text of at least 32 bytes": ("hunter2",),
    "an address of this machine, or a name that has one": ("two words", "http://here", "a/b"),
    "nats://host:port or tls://host:port, or several of them separated by commas": (
        *(
            "http://127.0.0.1:4222",
            "ws://here",
            "nats://",
            "nats://here:70000",
            "nats://here:0",
            "nats://here:x",
        ),
        *("nats://here/path", "nats://two words", "nats://here,ftp://there", " , "),
    ),
    "* or origins as browsers send them, such as https://example.org or http://localhost:3000, "
    "separated by commas": (
        *("example.org", "https://example.org/", "https://Example.org", "https://example.org:443", "null"),
        *("http://here:80", "https://one.example, two.example", "https://*.example.org", "//here"),
    ),
    "an origin such as https://events.example.org": (
        *("events.example.org", "https://events.example.org/v1", "*", "ws://events.example.org"),
        "https://one.example,https://two.example",
    ),
    "where a notifier listens, such as http://127.0.0.1:8071": (
        *("127.0.0.1:8071", "https://notifier:8071", "ws://notifier:8071", "http://notifier:8071/v1/ws", "*"),
        *("http://notifier:0", "http://notifier:70000", "http://notifier:80", "http://user:hunter2@notifier"),
        "http://one:1,http://two:2",
    ),
    "addresses and networks such as 10.0.0.0/8, separated by commas": (
        "here",
        "10.0.0.1/8",
        "10.0.0.0/8, ::/129",
    ),
    "a file that can be read": ("/no/such/file", "/"),
    "the path of a file": ("/",),
    "at most 128 letters, digits, - and _": ("a.b", "a b", "*", "ä" * 3, "a" * 129),
    "some of jobs, connections, executions, livecode, progress, separated by commas": (
        *("job", "jobs;progress", "*", "jobs,/jobs"),
    ),
    "a dialect and a port, such as executions=8001, or several of them separated by commas": (
        *("jobs", "8001", "jobs=", "jobs=x", "jobs=65536", "job=1", "jobs=1,jobs=2", "jobs=1,progress=1"),
    ),
    "a user id of at most 64 bytes": (),
    "some of namespaces, uid, uids, cgroup, seccomp, separated by commas": ("everything", "uid,walls", "*"),
}
"""For each rule of a text, by what it says is allowed: values that are none of it."""

TEXT_LIKE_NUMBERS = (
    "many",
    "",
    " 1",
    "0x10",
    "1_000",
    "nan",
    "inf",
    "-inf",
    "9" * 40,
    "1e400",
    "true",
    "null",
)


class Field(NamedTuple):
    """One setting of one service."""

    of: type[Settings]
    field: msgspec.structs.FieldInfo

    @property
    def variable(self) -> str:
        return f"HEADRACE_{self.field.name.upper()}"

    @property
    def kind(self) -> Any:  # noqa: ANN401 - a type of any form
        return self.field.type


FIELDS = [Field(kind, field) for kind in KINDS for field in msgspec.structs.fields(kind)]
SECRETS = [one for one in FIELDS if is_secret(one.field)]


def name_of(one: Field) -> str:
    return f"{one.of.__name__}-{one.field.name}"


def environment_of(kind: type[Settings], **more: str) -> dict[str, str]:
    """The least that it starts with, and besides: values by field."""
    required = {field.name for field in msgspec.structs.fields(kind) if field.required}
    assert required <= {"token_secret"}
    given = dict.fromkeys(required, SECRET) | more
    return {f"HEADRACE_{name.upper()}": value for name, value in given.items()}


def refusal(kind: type[Settings], environment: dict[str, str]) -> str:
    with pytest.raises(SettingsError) as caught:
        load(kind, environment)
    said = str(caught.value)
    assert "\n" not in said
    assert len(said) < 600
    assert "hunter2" not in said
    return said


def wrong_values(one: Field) -> Iterator[str]:
    """Of a wrong type, out of range, and empty where that is not allowed."""
    base, rule, bounds = parts_of(one.kind)[0], rule_of(one.kind), bounds_of(one.kind)
    if get_origin(base) is Literal:
        yield from ("no-such-word", "", get_args(base)[0].upper())
    elif base is str:
        assert rule is not None, f"{name_of(one)} is a text without a rule"
        assert rule.allowed in WRONG_TEXTS, f"{name_of(one)} has a rule that nothing breaks here"
        yield from WRONG_TEXTS[rule.allowed]
        yield from ("\0" if rule.is_secret else "\x1b[2J", "\udcff", "x" * (rule.bytes_max + 1))
        if not rule.may_be_empty:
            yield ""
    else:
        assert base in {int, float}, f"{name_of(one)} is of a kind that is not tried here"
        yield from TEXT_LIKE_NUMBERS
        assert bounds is not None, f"{name_of(one)} has no bounds"
        least, most = bounds.gt if bounds.ge is None else bounds.ge, bounds.le
        assert least is not None, f"{name_of(one)} has no lower bound"
        assert most is not None, f"{name_of(one)} has no upper bound"
        yield from (str(most + 1), str(least - 1), str(least) if bounds.ge is None else str(least - 7))
        if base is int:
            yield "1.5"
        if rule is not None:
            yield "0"


@pytest.mark.parametrize("one", FIELDS, ids=name_of)
def test_a_wrong_value_is_refused_with_its_name_and_what_is_allowed(one: Field) -> None:
    values = list(wrong_values(one))
    assert values
    for value in values:
        said = refusal(one.of, environment_of(one.of, **{one.field.name: value}))
        assert said.startswith(f"{one.variable}: "), said
        assert ("its value" if is_secret(one.field) else show(value)) in said
        assert said.endswith(f"it must be {allowed_in(one.kind)}")


@pytest.mark.parametrize("one", FIELDS, ids=name_of)
def test_the_edges_of_what_is_allowed_are_allowed(one: Field) -> None:
    base, bounds = parts_of(one.kind)[0], bounds_of(one.kind)
    if bounds is None:
        values = [str(word) for word in get_args(base)] if get_origin(base) is Literal else []
        rule = rule_of(one.kind)
        values += [""] if rule is not None and rule.may_be_empty else []
    else:
        values = [str(edge) for edge in (bounds.ge, bounds.le) if edge is not None]
    for value in values:
        said = _refusal_of(one.of, environment_of(one.of, **{one.field.name: value}))
        # Allowed by itself; where it contradicts something else, that is named as well.
        assert said is None or said.count("HEADRACE_") >= 2, said


def _refusal_of(kind: type[Settings], environment: dict[str, str]) -> str | None:
    try:
        load(kind, environment)
    except SettingsError as error:
        return str(error)
    return None


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_set_by_default_is_allowed(kind: type[Settings]) -> None:
    settings = load(kind, environment_of(kind))
    for field in msgspec.structs.fields(kind):
        value = getattr(settings, field.name)
        if value is not None:
            again = load(kind, environment_of(kind, **{field.name: str(value)}))
            assert getattr(again, field.name) == value


def deployed() -> Iterator[tuple[Field, str]]:
    """What the images and the compose files set, or set unless told otherwise."""
    files = [*DEPLOY.glob("*.Dockerfile"), *DEPLOY.glob("*.yaml")]
    text = "\n".join(file.read_text() for file in files)
    for name, given in re.findall(
        r"HEADRACE_(\w+)(?:=|: )(.+?)(?= HEADRACE_|[}]*\s*\\?$)", text, re.MULTILINE
    ):
        value = re.sub(r"&\w+ |\$\{\w+:-(.*)$", r"\1", given)
        for one in FIELDS:
            if one.field.name == name.lower() and not is_secret(one.field):
                yield one, value


def test_what_the_deployment_sets_is_allowed() -> None:
    tried = set()
    for one, value in deployed():
        if value.startswith("*"):
            continue
        pair = {"nats_password": SECRET} if one.field.name == "nats_user" else {}
        load(one.of, environment_of(one.of, **{one.field.name: value}, **pair))
        tried.add((one.variable, value))
    assert {
        ("HEADRACE_NATS_URL", "nats://nats-1:4222,nats://nats-2:4222,nats://nats-3:4222"),
        ("HEADRACE_NATS_URL", "nats://nats:4222"),
        ("HEADRACE_REPLICAS", "3"),
        ("HEADRACE_API_HOST", "0.0.0.0"),
        ("HEADRACE_HTTP_TRUSTED_PROXIES", "10.0.0.0/8,172.16.0.0/12,192.168.0.0/16"),
        ("HEADRACE_MINIMUM_ISOLATION", "namespaces,uid,seccomp"),
        ("HEADRACE_SLOTS", "2"),
    } <= tried


@pytest.mark.parametrize("one", SECRETS, ids=name_of)
@pytest.mark.parametrize("content", [None, b"", b"\n", b"hunter2\xff", "directory"])
def test_a_file_without_a_secret_is_named(one: Field, content: bytes | str | None, tmp_path: Path) -> None:
    file = tmp_path if content == "directory" else tmp_path / "secret"
    if isinstance(content, bytes):
        file.write_bytes(content)
    environment = environment_of(one.of)
    environment.pop(one.variable, None)
    said = refusal(one.of, {**environment, f"{one.variable}_FILE": str(file)})
    assert said.startswith(f"{one.variable}_FILE: '{file}' is not allowed (")
    assert said.endswith("it must be a file that can be read and holds the secret alone")


@pytest.mark.parametrize("one", SECRETS, ids=name_of)
def test_a_secret_that_is_given_twice_is_refused(one: Field, tmp_path: Path) -> None:
    (tmp_path / "secret").write_text(SECRET)
    environment = environment_of(one.of, **{one.field.name: SECRET})
    said = refusal(one.of, {**environment, f"{one.variable}_FILE": str(tmp_path / "secret")})
    assert said.startswith(f"{one.variable} and {one.variable}_FILE are both set")


PAIRS = sorted(
    {
        (kind, less, more)
        for kind in KINDS
        for one in kind.__mro__
        for less, more in vars(one).get("at_most", ())
    },
    key=lambda each: (each[0].__name__, *each[1:]),
)


@pytest.mark.parametrize(("kind", "less", "more"), PAIRS)
def test_what_must_not_be_more_than_something_else_is_refused(
    kind: type[Settings], less: str, more: str
) -> None:
    fields = {field.name: field.type for field in msgspec.structs.fields(kind)}
    bounds = bounds_of(fields[less]), bounds_of(fields[more])
    assert None not in bounds
    high, low = str(bounds[0].le), str(bounds[1].ge or 1)  # type: ignore[union-attr]  # just looked at
    said = refusal(kind, environment_of(kind, **{less: high, more: low}))
    assert ", more than HEADRACE_" in said
    assert {f"HEADRACE_{less.upper()}", f"HEADRACE_{more.upper()}"} & set(re.findall(r"HEADRACE_\w+", said))


def test_a_default_that_is_contradicted_is_named_too() -> None:
    said = refusal(ApiSettings, environment_of(ApiSettings, user_waits_max="100"))
    assert said == "HEADRACE_USER_WAITS is 200, more than HEADRACE_USER_WAITS_MAX, which is 100"


CONTRADICTIONS: dict[str, tuple[type[Settings], dict[str, str], str]] = {
    "a password of nobody": (ExecutorSettings, {"nats_password": SECRET}, "NATS_USER"),
    "a user without a password": (ExecutorSettings, {"nats_user": "executor"}, "NATS_PASSWORD"),
    "a key without a certificate": (ProvisionSettings, {"nats_tls_key": __file__}, "NATS_TLS_CERT"),
    "uids that do not exist": (ExecutorSettings, {"cell_uid": str(2**32 - 2)}, "CELL_UIDS"),
    "a provider without an issuer": (ApiSettings, {"token_provider": "oidc"}, "TOKEN_PROVIDER_ISSUER"),
    "an issuer without a provider": (
        NotifierSettings,
        {"token_provider_issuer": "https://issuer.example"},
        "TOKEN_PROVIDER is local",
    ),
    "a provider without an audience": (
        NotifierSettings,
        {"token_provider": "oidc", "token_provider_issuer": "https://issuer.example"},
        "TOKEN_PROVIDER_AUDIENCE",
    ),
    "an issuer that cannot be asked": (
        ApiSettings,
        {
            "token_provider": "oidc",
            "token_provider_issuer": "http://issuer.example",
            "token_provider_audience": "a",
        },
        "TOKEN_PROVIDER_ISSUER: 'http://issuer.example",
    ),
    "ourselves as the other issuer": (
        ApiSettings,
        {
            "token_provider": "oidc",
            "token_provider_issuer": "https://issuer.example",
            "token_issuer": "https://issuer.example",
            "token_provider_audience": "a",
        },
        "TOKEN_PROVIDER_ISSUER: 'https://issuer.example'",
    ),
    "a project that is none": (
        ApiSettings,
        {"token_provider": "firebase", "token_provider_project": "A project"},
        "TOKEN_PROVIDER_PROJECT: 'A project' is not allowed",
    ),
    "a pool without clients": (
        NotifierSettings,
        {"token_provider": "cognito", "token_provider_pool": "eu-west-1_AbC123"},
        "TOKEN_PROVIDER_CLIENTS",
    ),
    "an algorithm that is none": (
        ApiSettings,
        {
            "token_provider": "oidc",
            "token_provider_issuer": "https://issuer.example",
            "token_provider_audience": "a",
            "token_provider_algorithms": "HS256",
        },
        "TOKEN_PROVIDER_ALGORITHMS: 'HS256' is not allowed: the algorithms are ",
    ),
    "events from itself": (
        ApiSettings,
        {"api_port": "1234", "api_events_upstream": "http://127.0.0.1:1234"},
        "API_EVENTS_UPSTREAM is http://127.0.0.1:1234, where the api listens itself",
    ),
    "a scope that is none": (
        ApiSettings,
        {
            "token_provider": "oidc",
            "token_provider_issuer": "https://issuer.example",
            "token_provider_audience": "a",
            "token_provider_scopes": "jobs,everything",
        },
        "TOKEN_PROVIDER_SCOPES: 'everything' is not allowed: the scopes are ",
    ),
}


@pytest.mark.parametrize(("kind", "given", "named"), CONTRADICTIONS.values(), ids=CONTRADICTIONS.keys())
def test_settings_that_contradict_each_other_are_named(
    kind: type[Settings], given: dict[str, str], named: str
) -> None:
    assert f"HEADRACE_{named}" in refusal(kind, environment_of(kind, **given))


def test_every_service_that_checks_tokens_checks_its_provider() -> None:
    for kind in KINDS:
        if issubclass(kind, TokenSettings):
            assert "TOKEN_PROVIDER_ISSUER" in refusal(kind, environment_of(kind, token_provider="oidc"))


def test_the_least_maximum_is_the_least_that_a_request_may_ask_for() -> None:
    types = {field.name: field.type for field in msgspec.structs.fields(ApiSettings)}
    for name in LimitsBody.model_fields:
        bounds = bounds_of(types[f"{name}_max"])
        assert bounds is not None
        least = int(bounds.ge or 0)
        assert getattr(LimitsBody.model_validate({name: least}), name) == least
        with pytest.raises(ValidationError):
            LimitsBody.model_validate({name: least - 1})


def test_a_refusal_shows_no_credential_of_an_address() -> None:
    for url in ("nats://user:hunter2@here:x", "nats://one,nats://u:hunter2@b/path", "http://u:hun/ter2@b"):
        said = refusal(ExecutorSettings, environment_of(ExecutorSettings, nats_url=url))
        assert "//…@" in said
        assert "ter2" not in said
