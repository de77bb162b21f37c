"""TLS between a service and the server of the log, by the block that waits in deploy/nats.conf."""

import asyncio
import os
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from shared.jetstream import connection
from shared.jetstream.connection import connect
from shared.jetstream.errors import JetStreamError, UnreachableError
from shared.settings import BrokerSettings
from tests.integration.certificates import Authority
from tests.integration.deployed import Server, deployed_server

HERE = "127.0.0.1"

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest.fixture(scope="module")
def authority() -> Authority:
    return Authority()


@pytest.fixture(scope="module")
def ours(authority: Authority, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Certificate, key and authority, the same for the server and its clients."""
    return authority.write(tmp_path_factory.mktemp("ours") / "tls", address=HERE)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def server(ours: Path, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Server]:
    """It verifies its clients too."""
    async with deployed_server(tmp_path_factory.mktemp("server"), tls=ours) as running:
        yield running


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """A refusal ends the first attempt, not ten seconds of them."""
    monkeypatch.setattr(connection, "FIRST_CONNECTION_S", 3.0)


def trusting(server: Server, directory: Path, **changes: str) -> BrokerSettings:
    """Settings of a provisioner that has all three files."""
    files = {
        "nats_tls_ca": str(directory / "ca.pem"),
        "nats_tls_cert": str(directory / "cert.pem"),
        "nats_tls_key": str(directory / "key.pem"),
    }
    return server.settings("provisioner", **{**files, **changes})


@pytest.mark.parametrize("scheme", ["nats", "tls"])
async def test_both_sides_know_each_other(server: Server, ours: Path, scheme: str) -> None:
    settings = trusting(server, ours, nats_url=f"{scheme}://{HERE}:{server.port}")
    async with connect(settings, service="provisioner") as broker:
        with pytest.raises(JetStreamError, match="stream not found"):
            await broker.api("STREAM.INFO.JOBS")


async def test_a_connection_comes_back_encrypted(server: Server, ours: Path) -> None:
    async with connect(trusting(server, ours), service="provisioner") as broker:
        with broker.on_reconnect(lambda: None) as reconnected:
            await server.kill()
            await server.start()
            async with asyncio.timeout(20):
                await reconnected.wait()
        with pytest.raises(JetStreamError, match="stream not found"):
            await broker.api("STREAM.INFO.JOBS")


async def test_a_process_is_told_by_its_environment(ours: Path, tmp_path: Path) -> None:
    """With a server of its own, where it makes streams."""
    async with deployed_server(tmp_path, tls=ours) as server:
        (tmp_path / "password").write_text(server.passwords["provisioner"] + "\n")
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "shared.provision",
            env={
                **os.environ,
                "HEADRACE_NATS_URL": f"tls://{HERE}:{server.port}",
                "HEADRACE_NATS_USER": "provisioner",
                "HEADRACE_NATS_PASSWORD_FILE": str(tmp_path / "password"),
                "HEADRACE_NATS_TLS_CA": str(ours / "ca.pem"),
                "HEADRACE_NATS_TLS_CERT": str(ours / "cert.pem"),
                "HEADRACE_NATS_TLS_KEY": str(ours / "key.pem"),
            },
        )
        assert await process.wait() == 0
        async with connect(trusting(server, ours), service="provisioner") as broker:
            await broker.api("STREAM.INFO.JOBS")


@pytest.mark.usefixtures("impatient")
@pytest.mark.full
async def test_another_authority_is_not_believed(server: Server, ours: Path, tmp_path: Path) -> None:
    stranger = Authority().write(tmp_path / "stranger", address=HERE)
    settings = trusting(server, ours, nats_tls_ca=str(stranger / "ca.pem"))
    with pytest.raises(UnreachableError, match="certificate verify failed"):
        async with connect(settings, service="provisioner"):
            pass


@pytest.mark.usefixtures("impatient")
@pytest.mark.full
async def test_without_an_authority_the_systems_are_believed(server: Server, ours: Path) -> None:
    settings = trusting(server, ours, nats_url=f"tls://{HERE}:{server.port}", nats_tls_ca="")
    with pytest.raises(UnreachableError, match="certificate verify failed"):
        async with connect(settings, service="provisioner"):
            pass


@pytest.mark.usefixtures("impatient")
@pytest.mark.full
async def test_a_certificate_for_another_address_is_not_believed(
    authority: Authority, ours: Path, tmp_path: Path
) -> None:
    elsewhere = authority.write(tmp_path / "elsewhere", address="192.0.2.1")
    async with deployed_server(tmp_path, tls=elsewhere) as server:
        with pytest.raises(UnreachableError, match="IP address mismatch"):
            async with connect(trusting(server, ours), service="provisioner"):
                pass


@pytest.mark.usefixtures("impatient")
async def test_the_server_refuses_a_client_that_it_does_not_know(
    server: Server, ours: Path, tmp_path: Path
) -> None:
    """The password alone does not let anybody in."""
    stranger = Authority().write(tmp_path / "stranger", address=HERE)
    without = trusting(server, ours, nats_tls_cert="", nats_tls_key="")
    foreign = trusting(
        server,
        ours,
        nats_tls_cert=str(stranger / "cert.pem"),
        nats_tls_key=str(stranger / "key.pem"),
    )

    async def refused(settings: BrokerSettings) -> None:
        with pytest.raises(UnreachableError):
            async with connect(settings, service="provisioner"):
                pass

    await asyncio.gather(refused(without), refused(foreign))


@pytest.mark.usefixtures("impatient")
async def test_without_tls_nobody_comes_in(server: Server) -> None:
    with pytest.raises(UnreachableError):
        async with connect(server.settings("provisioner"), service="provisioner"):
            pass


@pytest.mark.usefixtures("impatient")
@pytest.mark.full
async def test_whoever_wants_tls_tells_nothing_to_a_server_without(ours: Path) -> None:
    """A server in between could say that it does not do TLS; it is not told the password."""
    heard = bytearray()

    async def pretend(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(
            b'INFO {"server_id":"x","version":"2.15.1","max_payload":1048576,"auth_required":true}\r\n'
        )
        while piece := await reader.read(4096):
            heard.extend(piece)
        writer.close()

    async with await asyncio.start_server(pretend, HERE, 0) as listener:
        port = listener.sockets[0].getsockname()[1]
        settings = BrokerSettings(
            nats_url=f"nats://{HERE}:{port}",
            nats_user="api",
            nats_password="hunter2",
            nats_tls_ca=str(ours / "ca.pem"),
        )
        with pytest.raises(UnreachableError):
            async with connect(settings, service="api"):
                pass
    assert heard[:1] == b"\x16", "the first byte of a TLS handshake"
    assert b"hunter2" not in heard
