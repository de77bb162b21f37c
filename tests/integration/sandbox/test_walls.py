"""What a program can see and reach: its own cell, and nothing of the host that it was not given."""

import asyncio
import json
import socket
from pathlib import Path

import pytest

from services.executor.sandbox.interface import Sandbox
from tests.integration.sandbox.cells import ATTEMPTED, Transcript, python, run, shell, stage

ADDED_BY_SOME_SHELLS = {"_", "OLDPWD", "SHLVL"}
"""What bash sets where it is the host's /bin/sh."""

DOCUMENTED = {"PATH": "/usr/local/bin:/usr/bin:/bin", "HOME": "/work", "LANG": "C.UTF-8", "PWD": "/work"}


async def test_the_environment_is_exactly_the_documented_one(
    sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CANARY_SECRET", "5up3r")
    ran = await run(sandbox, stage("python3", "-c", "import json, os; print(json.dumps(dict(os.environ)))"))
    seen: dict[str, str] = json.loads(ran.succeeded())
    assert {name: value for name, value in seen.items() if name not in ADDED_BY_SOME_SHELLS} == DOCUMENTED


async def test_no_process_of_the_cell_holds_the_executors_secrets(
    sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CANARY_SECRET", "5up3r")
    looked = "cat /proc/[0-9]*/environ /proc/[0-9]*/cmdline | tr '\\0' '\\n'; echo attempted"
    ran = await shell(sandbox, looked)
    assert ATTEMPTED in ran.succeeded()
    assert "PATH=" in ran.stdout
    assert "CANARY" not in ran.stdout


async def test_only_the_three_standard_descriptors_are_open(sandbox: Sandbox) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.set_inheritable(True)
        source = "import os; print(sorted(int(name) for name in os.listdir('/proc/self/fd')))"
        ran = await python(sandbox, source)
    # The fourth is the listing of the directory itself.
    assert ran.succeeded() == "[0, 1, 2, 3]\n"


async def test_stdin_cannot_be_written(sandbox: Sandbox) -> None:
    source = """
import os
print("attempted", input())
for how in (os.O_WRONLY, os.O_RDWR):
    try: os.open("/dev/stdin", how)
    except OSError as error: print(type(error).__name__)
"""
    ran = await run(sandbox, stage("python3", "-c", source, stdin=b"given\n"))
    refused = ran.succeeded().splitlines()
    assert refused[0] == "attempted given"
    assert set(refused[1:]) <= {"PermissionError", "OSError"}
    assert len(refused) == 3


async def test_output_may_be_opened_by_name(sandbox: Sandbox) -> None:
    ran = await shell(sandbox, "echo out > /dev/stdout; echo err > /dev/stderr")
    assert (ran.succeeded(), ran.stderr) == ("out\n", "err\n")


@pytest.mark.parametrize(
    "path", ["/x", "/usr/x", "/etc/x", "/etc/passwd", "/bin/x", "/dev/x", "/dev/stdin2", "/proc/x", "/var/x"]
)
async def test_the_root_is_read_only(sandbox: Sandbox, path: str) -> None:
    ran = await shell(sandbox, f"echo attempted; (echo x > {path}) || echo refused")
    assert ran.succeeded().split() == [ATTEMPTED, "refused"]


async def test_only_three_places_are_writable(sandbox: Sandbox) -> None:
    source = """
import os
found = []
for directory, _, _ in os.walk("/"):
    if directory.startswith(("/proc", "/usr", "/mnt/data")): continue
    try: open(directory + "/probe", "x").close()
    except OSError: continue
    found.append(directory)
print(sorted(found), os.path.samefile("/work", "/mnt/data"))
"""
    assert (await python(sandbox, source)).succeeded() == "['/dev/shm', '/tmp', '/work'] True\n"


async def test_files_of_the_host_are_not_there(sandbox: Sandbox, tmp_path: Path) -> None:
    canary = tmp_path / "canary"
    canary.write_text("5up3r")
    ran = await shell(
        sandbox, f"echo attempted; cat {canary} /etc/shadow /root/.profile /sys/fs/cgroup/*; ls /home"
    )
    assert ran.stdout == "attempted\n"
    assert ran.stderr.count("No such file") == 5


@pytest.mark.parametrize(
    "reach",
    [
        pytest.param("socket.create_connection(('127.0.0.1', PORT), 2)", id="the host's loopback"),
        pytest.param("socket.create_connection(('192.0.2.1', 53), 2)", id="an address outside"),
        pytest.param("socket.create_connection(('2001:db8::1', 53), 2)", id="IPv6"),
        pytest.param("socket.create_connection(('169.254.169.254', 80), 2)", id="the metadata service"),
        pytest.param("socket.socket(type=socket.SOCK_DGRAM).sendto(b'x', ('192.0.2.1', 53))", id="UDP"),
        pytest.param("socket.getaddrinfo('example.com', 80)", id="DNS"),
        pytest.param("socket.socket(socket.AF_PACKET, socket.SOCK_RAW)", id="raw packets"),
    ],
)
async def test_the_network_is_not_there(sandbox: Sandbox, reach: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        attack = reach.replace("PORT", str(server.getsockname()[1]))
        source = f"import socket\nprint('attempted')\ntry: {attack}\nexcept OSError: print('refused')"
        ran = await python(sandbox, source)
    assert ran.succeeded() == "attempted\nrefused\n"
    assert ran.verdict.wall_ms < 2_000


async def test_two_cells_have_a_loopback_each(sandbox: Sandbox) -> None:
    source = """
import signal, socket
try: socket.create_connection(("localhost", 18080))
except ConnectionRefusedError: print("nobody else")
server = socket.create_server(("127.0.0.1", 18080))
socket.create_connection(("localhost", 18080))
print("attempted")
"""
    stop, transcript = asyncio.Event(), Transcript()
    listening = stage("python3", "-u", "-c", f"{source}signal.pause()")
    first = asyncio.create_task(sandbox.run(listening, output=transcript, stop=stop))
    await transcript.until(ATTEMPTED)
    second = await python(sandbox, source)
    stop.set()
    await first
    assert second.succeeded() == "nobody else\nattempted\n"


PRIVILEGES = """
import ctypes, os
libc = ctypes.CDLL(None, use_errno=True)
def tried(name, result):
    print(name, "done" if result == 0 else os.strerror(ctypes.get_errno()))
print("attempted")
tried("user namespace", libc.unshare(0x10000000))
tried("mount namespace", libc.unshare(0x20000))
tried("net namespace", libc.unshare(0x40000000))
tried("mount", libc.mount(b"none", b"/tmp", b"tmpfs", 0, None))
tried("remount", libc.mount(b"none", b"/", None, 32, None))
tried("chroot", libc.chroot(b"/tmp"))
tried("setuid", libc.setuid(0))
tried("hostname", libc.sethostname(b"x", 1))
"""


async def test_no_privilege_can_be_had(sandbox: Sandbox) -> None:
    lines = (await python(sandbox, PRIVILEGES)).succeeded().splitlines()
    assert lines[0] == ATTEMPTED
    assert len(lines) == 9
    assert not [line for line in lines if line.endswith("done")]


async def test_capabilities_and_identity(sandbox: Sandbox) -> None:
    ran = await shell(sandbox, "id -u; hostname; grep -E 'Cap|NoNewPrivs' /proc/self/status")
    uid, name, *facts = ran.succeeded().splitlines()
    assert (uid, name) == ("1000", "cell")
    assert {fact.split()[0]: int(fact.split()[1], 16) for fact in facts} == {
        **{f"Cap{which}:": 0 for which in ("Inh", "Prm", "Eff", "Bnd", "Amb")},
        "NoNewPrivs:": 1,
    }


async def test_only_the_cells_own_processes_are_visible(sandbox: Sandbox) -> None:
    ran = await python(
        sandbox, "import os; print(len([name for name in os.listdir('/proc') if name.isdigit()]))"
    )
    assert ran.succeeded() == "2\n"


async def test_nothing_survives_into_the_next_cell(sandbox: Sandbox) -> None:
    planted = "for place in /tmp /dev/shm /work $HOME; do echo x > $place/token; done; echo attempted"
    assert ATTEMPTED in (await shell(sandbox, planted)).succeeded()
    ran = await shell(sandbox, "ls -A /tmp /dev/shm /work $HOME")
    assert "token" not in ran.succeeded()
