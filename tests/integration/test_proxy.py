"""What a real nginx makes of a request by deploy/proxy.conf and dialects.conf: two servers repeat it."""

import asyncio
import re
import shutil
from asyncio.subprocess import PIPE
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from headrace.local.nats_server import free_port
from tests.http_client import http_client

DEPLOY = Path(__file__).parents[2] / "deploy"
NGINX = shutil.which("nginx", path="/usr/sbin:/usr/bin")
pytestmark = pytest.mark.skipif(NGINX is None, reason="nginx is not installed")

TOKEN = "token=dG9rZW4"
"""In the query of every request here."""
HANDSHAKE = {"Upgrade": "websocket", "Connection": "Upgrade"}
STARTS_WITHIN_S = 30


@dataclass(frozen=True)
class Proxy:
    """A running nginx."""

    url: str
    log: Path

    async def received(self, path: str, headers: Mapping[str, str]) -> tuple[str, str, dict[str, str]]:
        """Which service got the request, its path, and its fields."""
        async with http_client(base_url=self.url) as http:
            answer = await http.get(f"{path}?{TOKEN}", headers=headers)
        service, request_line, *fields = answer.text.split("\r\n")
        pairs = (field.split(": ", 1) for field in fields if field)
        return service, request_line.split()[1], {name.lower(): value for name, value in pairs}


@asynccontextmanager
async def repeating(name: str) -> AsyncIterator[int]:
    """A service that answers with its name and the head of the request; yields its port."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        length = re.search(rb"content-length: (\d+)", head.lower())
        await reader.readexactly(int(length[1]) if length else 0)
        body = name.encode() + b"\r\n" + head
        writer.write(b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: %d\r\n\r\n" % len(body) + body)
        await writer.drain()
        writer.close()

    async with await asyncio.start_server(answer, "127.0.0.1", 0) as server:
        yield server.sockets[0].getsockname()[1]


@pytest.fixture
async def proxy(tmp_path: Path) -> AsyncIterator[Proxy]:
    """Nginx with both files, each address and place in them changed to one of this test's own."""
    port = free_port()
    async with repeating("api") as api, repeating("notifier") as notifier:
        changes = {
            " /tmp/": f" {tmp_path}/",
            "http://api:8070": f"http://127.0.0.1:{api}",
            "http://notifier:8070": f"http://127.0.0.1:{notifier}",
            "listen 8080": f"listen 127.0.0.1:{port}",
            "/etc/nginx/dialects": str(tmp_path / "dialects"),
            "/dev/stdout": str(tmp_path / "access.log"),
            "resolver 127.0.0.11 valid=1s ipv6=off;": "",
        }
        (tmp_path / "dialects").mkdir()
        for name, target in (("proxy.conf", "nginx.conf"), ("dialects.conf", "dialects/dialects.conf")):
            text = (DEPLOY / name).read_text()
            for old, new in changes.items():
                text = text.replace(old, new)
            (tmp_path / target).write_text(text)
        process = await asyncio.create_subprocess_exec(
            *(str(NGINX), "-p", tmp_path, "-e", "stderr", "-c", tmp_path / "nginx.conf", "-g", "daemon off;"),
            stderr=PIPE,
        )
        try:
            await started(port)
            yield Proxy(f"http://127.0.0.1:{port}", tmp_path / "access.log")
        finally:
            process.terminate()
            _, errors = await process.communicate()
        assert TOKEN.encode() not in errors + (tmp_path / "access.log").read_bytes()


async def started(port: int) -> None:
    """Return when nginx accepts connections."""
    async with asyncio.timeout(STARTS_WITHIN_S):
        while True:
            try:
                _, writer = await asyncio.open_connection("127.0.0.1", port)
            except ConnectionRefusedError:
                await asyncio.sleep(0.02)
            else:
                writer.close()
                return


@pytest.mark.parametrize(
    ("path", "headers", "service"),
    [("/v1/jobs", {}, "api"), ("/v1/ws", HANDSHAKE, "notifier"), ("/v1/stream", {}, "notifier")],
)
async def test_a_service_gets_the_clients_host_and_an_address_that_the_client_did_not_choose(
    proxy: Proxy, path: str, headers: Mapping[str, str], service: str
) -> None:
    forged = {"Host": "headrace.example", "X-Forwarded-For": "192.0.2.1", "X-Forwarded-Proto": "https"}
    got_by, target, fields = await proxy.received(path, {**headers, **forged})
    assert (got_by, target) == (service, f"{path}?{TOKEN}")
    assert fields["host"] == "headrace.example"
    assert (fields["x-forwarded-for"], fields["x-forwarded-proto"]) == ("127.0.0.1", "http")
    assert fields.get("upgrade") == headers.get("Upgrade")


async def test_an_upload_is_passed_on_as_it_comes(proxy: Proxy) -> None:
    async with http_client(base_url=proxy.url) as http:
        content = bytes(20 * 1024 * 1024)
        sent = await http.put(f"/v1/files?{TOKEN}", content=content)
        assert (sent.status_code, sent.text.partition("\r\n")[0]) == (200, "api")
        assert (await http.post(f"/v1/jobs?{TOKEN}", content=content)).status_code == 413
    assert not [path for path in proxy.log.parent.rglob("body/**/*") if path.is_file()]


async def test_no_other_upgrade_is_passed_on(proxy: Proxy) -> None:
    _, _, fields = await proxy.received("/v1/jobs", {"Upgrade": "h2c", "Connection": "Upgrade"})
    assert "upgrade" not in fields
    assert re.fullmatch("|close", fields.get("connection", ""))


@pytest.mark.parametrize(("headers", "service"), [({}, "api"), (HANDSHAKE, "notifier")])
async def test_a_dialects_host_name_adds_its_prefix(
    proxy: Proxy, headers: Mapping[str, str], service: str
) -> None:
    got_by, target, fields = await proxy.received("/a%20b", {**headers, "Host": "executions.example"})
    assert (got_by, target) == (service, f"/dialects/executions/a%20b?{TOKEN}")
    assert fields["host"] == "executions.example"
    assert fields["x-forwarded-for"] == "127.0.0.1"


@pytest.mark.parametrize("path", ["/metrics", "/readyz", "/livez"])
async def test_what_is_of_one_process_is_not_for_the_world(proxy: Proxy, path: str) -> None:
    async with http_client(base_url=proxy.url) as http:
        assert (await http.get(path)).status_code == 404
