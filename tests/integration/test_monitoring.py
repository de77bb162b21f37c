"""The monitoring port of nats-server, as deploy/nats.conf opens it: for this machine alone."""

import json
from pathlib import Path

from tests.http_client import http_client
from tests.integration.deployed import CONFIGURATION, deployed_server

LISTENS = "0A"
"""The state of a socket in /proc/net/tcp (proc(5))."""
LOOPBACK = "0100007F"


def addresses_that_listen(port: int) -> set[str]:
    """In the kernel's hexadecimal, of both families."""
    found = set()
    for table in ("tcp", "tcp6"):
        for line in Path(f"/proc/self/net/{table}").read_text().splitlines()[1:]:
            address, at = line.split()[1].split(":")
            if line.split()[3] == LISTENS and int(at, 16) == port:
                found.add(address)
    return found


async def test_it_tells_this_machine_how_the_server_is_and_no_other(tmp_path: Path) -> None:
    async with deployed_server(tmp_path) as server, http_client() as http:
        base = f"http://127.0.0.1:{server.monitoring_port}"
        assert (await http.get(f"{base}/healthz")).json() == {"status": "ok"}
        assert (await http.get(f"{base}/jsz")).json()["config"]["sync_always"] is True
        said = json.dumps([(await http.get(base + path)).text for path in ("/varz", "/connz", "/jsz")])
        assert all(password not in said for password in server.passwords.values())
        assert addresses_that_listen(server.monitoring_port) == {LOOPBACK}


def test_a_server_of_a_cluster_has_the_same_port() -> None:
    """It includes the file, so it must not open another."""
    cluster = CONFIGURATION.with_name("nats-cluster.conf").read_text()
    assert "include ./nats.conf" in cluster
    assert "http:" not in cluster
    assert "127.0.0.1/8222" in CONFIGURATION.with_name("nats-healthy.sh").read_text()
