"""What an operator sees who set something wrong: a few JSON lines, one of which says it, and exit code 2."""

import asyncio
import json
import os
import socket
import sys
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from headrace.local.nats_server import NatsServer, free_port
from shared.jetstream.connection import connect
from shared.jetstream.stream_config import ProvisionSettings
from shared.provision import provision
from tests.cases import cases
from tests.conftest import running_nats_server, settings_of
from tests.integration.certificates import Authority

SERVICES = ("api", "executor", "projector", "notifier")
PROGRAMS = [*(f"services.{name}" for name in SERVICES), "shared.provision"]
ENDS_WITHIN_S = 45
"""Ten seconds are for a server that may still come; a busy machine takes its time as well."""


@dataclass(frozen=True)
class Ended:
    """What a process left: its exit code, and each of its lines."""

    code: int | None
    lines: list[dict[str, Any]]

    @property
    def error(self) -> str:
        """Why it ended: the one line that says so."""
        (line,) = [line for line in self.lines if line["level"] == "error"]
        assert line["event"] in {"service_failed", "cannot_provision"}
        return str(line["error"])

    def named(self, event: str) -> list[dict[str, Any]]:
        return [line for line in self.lines if line["event"] == event]


async def ended(module: str, environment: Mapping[str, str]) -> Ended:
    """Run it until it ends. Each line must be JSON, so no traceback is among them."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        module,
        env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", **environment},
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        async with asyncio.timeout(ENDS_WITHIN_S):
            _, stderr = await process.communicate()
    finally:
        if process.returncode is None:
            process.kill()
    assert b"Traceback" not in stderr
    return Ended(process.returncode, [json.loads(line) for line in stderr.splitlines()])


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def provisioned(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[dict[str, str]]:
    """The address of one server with streams: each process here ends before it changes anything there."""
    async with running_nats_server(tmp_path_factory.mktemp("nats")) as server:
        async with connect(settings_of(server), service="test") as broker:
            await provision(broker, ProvisionSettings())
        yield server.environment


@pytest.fixture
def environment(provisioned: dict[str, str], tmp_path: Path) -> dict[str, str]:
    """What each service starts with where streams are."""
    return {
        **provisioned,
        "HEADRACE_TOKEN_SECRET": "s" * 40,
        "HEADRACE_API_PORT": "0",
        "HEADRACE_NOTIFIER_PORT": "0",
        "HEADRACE_VIEW_PATH": str(tmp_path / "view.sqlite"),
    }


@pytest.fixture
async def taken() -> AsyncIterator[int]:
    """A port that somebody listens on."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


def place_of(name: str) -> str:
    return {"api": "API", "notifier": "NOTIFIER"}.get(name, "HEALTH")


@pytest.mark.parametrize("name", cases(SERVICES, {"api"}))
async def test_a_port_in_use_is_named(environment: dict[str, str], taken: int, name: str) -> None:
    variable = f"HEADRACE_{place_of(name)}_PORT"
    left = await ended(f"services.{name}", {**environment, variable: str(taken)})
    assert left.code == 2
    assert left.error == (
        f"{variable}: '{taken}' is not allowed (it is in use): "
        "it must be a free port of 127.0.0.1, or 0 for any"
    )


@pytest.mark.parametrize("name", cases(SERVICES, {"api"}))
@pytest.mark.parametrize("host", cases(["no-such-host.invalid", "192.0.2.1"], {"192.0.2.1"}))
@pytest.mark.full
async def test_a_place_that_is_not_here_is_named(environment: dict[str, str], name: str, host: str) -> None:
    variable = f"HEADRACE_{place_of(name)}_HOST"
    left = await ended(f"services.{name}", {**environment, variable: host})
    assert left.code == 2
    assert left.error.startswith(f"{variable}: '{host}' is not allowed (")


@pytest.mark.parametrize("name", cases(PROGRAMS, {"shared.provision"}))
async def test_a_file_of_certificates_that_holds_none_is_named(
    environment: dict[str, str], name: str, tmp_path: Path
) -> None:
    (tmp_path / "ca.pem").write_text("no certificate")
    left = await ended(name, {**environment, "HEADRACE_NATS_TLS_CA": str(tmp_path / "ca.pem")})
    assert left.code == 2
    assert left.error.startswith(f"HEADRACE_NATS_TLS_CA: '{tmp_path}/ca.pem' is not allowed (")
    assert left.error.endswith("it must be a file with certificates (PEM)")


@pytest.mark.full
async def test_a_key_of_another_certificate_is_named(environment: dict[str, str], tmp_path: Path) -> None:
    ours, others = (Authority().write(tmp_path / name, address="127.0.0.1") for name in ("ours", "others"))
    given = {
        **environment,
        "HEADRACE_NATS_TLS_CA": str(ours / "ca.pem"),
        "HEADRACE_NATS_TLS_CERT": str(ours / "cert.pem"),
        "HEADRACE_NATS_TLS_KEY": str(others / "key.pem"),
    }
    left = await ended("services.projector", given)
    assert left.code == 2
    assert left.error.startswith("HEADRACE_NATS_TLS_CERT, HEADRACE_NATS_TLS_KEY: ")


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("http://127.0.0.1:4222", "http:// is not how NATS is reached"),
        pytest.param("nats://127.0.0.1:70000", "Port out of range 0-65535", marks=pytest.mark.full),
        pytest.param("", "it is empty", marks=pytest.mark.full),
    ],
)
async def test_an_address_that_is_none_of_nats_is_refused_at_once(
    environment: dict[str, str], url: str, why: str
) -> None:
    left = await ended("services.executor", {**environment, "HEADRACE_NATS_URL": url})
    assert left.code == 2
    assert [line["event"] for line in left.lines] == ["service_failed"]
    assert f"HEADRACE_NATS_URL: '{url}' is not allowed ({why}): it must be nats://host:port" in left.error


@pytest.mark.full
@pytest.mark.parametrize("name", cases(["services.api", "shared.provision"], {"services.api"}))
async def test_a_host_of_nats_that_nobody_knows_is_said_at_once_and_is_the_end(
    environment: dict[str, str], name: str
) -> None:
    url = "nats://no-such-host.invalid:4222"
    left = await ended(name, {**environment, "HEADRACE_NATS_URL": url})
    assert left.code == 2
    (told,) = left.named("broker_error")
    assert told["servers"] == f"'{url}'"
    assert left.error.startswith(f"cannot connect to '{url}' (HEADRACE_NATS_URL): unknown host: ")


@pytest.mark.full
async def test_a_password_that_is_refused_is_said_once_and_counted(environment: dict[str, str]) -> None:
    left = await ended("services.api", {**environment, "HEADRACE_NATS_PASSWORD": "hunter2"})
    assert left.code == 2
    assert len([line for line in left.named("broker_error") if "Authorization" in line["error"]]) == 1
    assert left.error.startswith(
        "HEADRACE_NATS_USER, HEADRACE_NATS_PASSWORD: the server at 'nats://127.0.0.1:"
    )
    count = int(left.error.rpartition("(")[2].partition(" ")[0])
    assert count > 1
    assert len(left.lines) < 5
    assert "hunter2" not in str(left.lines)


@pytest.mark.full
async def test_nobody_at_the_address_is_said_once_and_is_no_fault_of_a_setting(
    environment: dict[str, str],
) -> None:
    url = f"nats://127.0.0.1:{free_port()}"
    left = await ended("services.notifier", {**environment, "HEADRACE_NATS_URL": url})
    assert left.code == 1
    assert len(left.named("broker_error")) == 1
    assert left.error.startswith(f"cannot connect to '{url}' (HEADRACE_NATS_URL): ")


@pytest.mark.parametrize("name", cases(["api", "executor", "notifier"], {"executor"}))
async def test_a_log_that_is_not_provisioned_says_which_command_does_it(
    nats_server: NatsServer, name: str
) -> None:
    secret = {"HEADRACE_TOKEN_SECRET": "s" * 40}
    left = await ended(f"services.{name}", {**nats_server.environment, **secret})
    assert left.code == 1
    assert left.error.endswith("; the log is not provisioned: run python -m shared.provision")


@pytest.mark.parametrize("name", cases(["api", "notifier"], {"notifier"}))
async def test_what_contradicts_something_else_is_refused_before_anything_is_asked(name: str) -> None:
    given = {"HEADRACE_TOKEN_SECRET": "s" * 40, "HEADRACE_TOKEN_PROVIDER": "oidc"}
    left = await ended(f"services.{name}", given)
    assert left.code == 2
    assert [line["event"] for line in left.lines] == ["service_failed"]
    assert left.error == (
        "HEADRACE_TOKEN_PROVIDER_ISSUER: it is empty, and HEADRACE_TOKEN_PROVIDER=oidc needs it"
    )


@pytest.mark.full
async def test_a_projector_waits_for_its_log_and_says_once_what_is_missing(
    nats_server: NatsServer, tmp_path: Path
) -> None:
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "services.projector",
        env={**nats_server.environment, "HEADRACE_VIEW_PATH": str(tmp_path / "view.sqlite")},
        stderr=asyncio.subprocess.PIPE,
    )
    assert process.stderr is not None
    told: dict[str, Any] = {}
    async with asyncio.timeout(ENDS_WITHIN_S):
        while told.get("event") != "view_waits":
            told = json.loads(await process.stderr.readline())
        process.terminate()
        assert await process.wait() == 0
    assert told["why"].endswith("; the log is not provisioned: run python -m shared.provision")


async def test_a_directory_in_place_of_the_view_is_named(environment: dict[str, str], tmp_path: Path) -> None:
    left = await ended("services.projector", {**environment, "HEADRACE_VIEW_PATH": str(tmp_path)})
    assert left.code == 2
    assert left.error.startswith(f"HEADRACE_VIEW_PATH: '{tmp_path}' is not allowed (it is a directory)")


@pytest.mark.full
async def test_less_isolation_than_demanded_is_one_line(environment: dict[str, str]) -> None:
    given = {**environment, "HEADRACE_MINIMUM_ISOLATION": "uids", "HEADRACE_CELL_UIDS": "1"}
    left = await ended("services.executor", given)
    assert left.code == 2
    assert left.error == (
        "HEADRACE_MINIMUM_ISOLATION is 'uids': this host does not give uids, which the settings demand"
    )


@pytest.mark.full
async def test_the_facts_of_a_host_with_too_few_uids_are_still_facts() -> None:
    """What is logged meanwhile is not among them."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "services.executor",
        "facts",
        env={**os.environ, "HEADRACE_CELL_UIDS": "2"},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    stdout, stderr = await process.communicate()
    (line,) = stdout.splitlines()
    assert json.loads(line).keys() >= {"refusal", "languages"}
    assert b"Traceback" not in stderr


@pytest.mark.parametrize("name", cases(PROGRAMS, {"shared.provision"}))
async def test_a_misspelt_name_is_warned_of_and_another_service_s_is_not(name: str, tmp_path: Path) -> None:
    given = {
        "HEADRACE_SLOT": "hunter2",
        "HEADRACE_SWEEP_S": "1",
        "HEADRACE_NOTIFIER_PING_S": "5",
        "HEADRACE_DATA": str(tmp_path),
        "HEADRACE_NATS_URL": "http://here",
    }
    left = await ended(name, given)
    assert left.code == 2
    (told,) = left.named("unknown_setting")
    assert (told["setting"], told["nearest"]) == ("HEADRACE_SLOT", "HEADRACE_SLOTS")
    assert "hunter2" not in str(left.lines)
