"""What the command line says of settings and of places that cannot be: one line, and never a traceback."""

import asyncio
import os
import signal
import socket
from asyncio.subprocess import PIPE
from pathlib import Path

import pytest

from tests.cases import cases
from tests.system.conftest import User
from tests.system.test_cli import ENVIRONMENT, HEADRACE, Ended, headrace, of, running_up

pytestmark = pytest.mark.timeout(150)
UP = ("up", "--api-port", "0", "--notifier-port", "0")


def only_line(ended: Ended) -> str:
    """The one thing that it said, when it did not do what it was asked to."""
    assert ended.code == 2
    (line,) = ended.stderr.decode().splitlines()
    assert line.startswith("headrace: ")
    return line.removeprefix("headrace: ")


@pytest.mark.full
async def test_settings_reach_the_services_and_what_does_not_is_said(tmp_path: Path) -> None:
    program = tmp_path / "hello.sh"
    program.write_text("echo hello")
    settings = {
        "HEADRACE_WALL_MS_MAX": "2000",
        "HEADRACE_SLOT": "3",
        "HEADRACE_API_PORT": "9",
        "HEADRACE_NATS_URL": "nats://elsewhere",
    }
    async with running_up(tmp_path / "data", **settings) as up:
        refused = await up.call("run", "--wall-ms", "2001", program)
        assert refused.code == 2
        assert b"limits.wall_ms: at most 2000 is allowed" in refused.stderr
        assert (await up.call("run", "--wall-ms", "2000", program)).stdout == b"hello\n"
        up.process.send_signal(signal.SIGINT)
        _, stderr = await up.process.communicate()
        assert up.process.returncode == 0
    assert stderr.decode().splitlines() == [
        (
            "headrace: not passed on, because a local stack makes it itself: "
            "HEADRACE_API_PORT (use --api-port), HEADRACE_NATS_URL"
        ),
        "headrace: HEADRACE_SLOT is no setting: did you mean HEADRACE_SLOTS?",
    ]


@pytest.mark.full
async def test_a_private_stack_takes_settings_too(tmp_path: Path) -> None:
    program = tmp_path / "hello.sh"
    program.write_text("echo hello")
    refused = await headrace(
        "run", "--wall-ms", "2001", program, cwd=tmp_path, settings={"HEADRACE_WALL_MS_MAX": "2000"}
    )
    assert refused.code == 2
    assert b"limits.wall_ms: at most 2000 is allowed" in refused.stderr


@pytest.mark.parametrize(
    ("variable", "value", "said"),
    [
        pytest.param(
            "HEADRACE_SLOTS",
            "-1",
            "executor: HEADRACE_SLOTS: '-1' is not allowed: ",
            marks=pytest.mark.full,
        ),
        pytest.param(
            "HEADRACE_API_ORIGINS",
            "here",
            "api: HEADRACE_API_ORIGINS: 'here' is not allowed (",
            marks=pytest.mark.full,
        ),
        pytest.param(
            "HEADRACE_FEED_BYTES_MAX",
            "1",
            "the streams could not be made: HEADRACE_FEED_BYTES_MAX: '1' is not",
            marks=pytest.mark.full,
        ),
    ],
)
async def test_a_setting_that_a_service_refuses_is_one_line(
    tmp_path: Path, variable: str, value: str, said: str
) -> None:
    refused = await headrace(*UP, "--data", tmp_path / "data", settings={variable: value})
    assert only_line(refused).startswith(said)
    assert refused.stdout == b""


@pytest.mark.full
async def test_a_service_that_listens_elsewhere_is_found_there(tmp_path: Path) -> None:
    hosts = {"HEADRACE_API_HOST": "::1", "HEADRACE_NOTIFIER_HOST": "0.0.0.0"}
    async with running_up(tmp_path / "data", **hosts) as up:
        assert up.said[0].split()[1].startswith("http://[::1]:")
        assert up.said[1].split()[1].startswith("ws://[::1]:"), "events are under the api's port too"
        assert (await up.call("ls")).code == 0


@pytest.mark.parametrize(
    "place", cases(["file", "file/below", "/proc/headrace", "/sys/headrace"], {"file/below"})
)
@pytest.mark.full
async def test_a_place_where_no_stack_can_be_is_named(tmp_path: Path, place: str) -> None:
    (tmp_path / "file").touch()
    data = tmp_path / place
    assert only_line(await headrace(*UP, "--data", data)).startswith(
        f"no stack can be kept in {data} (--data): "
    )
    assert str(data) in only_line(await headrace("ls", "--data", data))
    assert str(data) in only_line(await headrace("token", "--data", data))


@pytest.mark.parametrize(
    "occupied",
    cases(["nats", "api.log", "projector.log", "secrets.json", "nats/nats.conf"], {"api.log"}),
)
@pytest.mark.full
async def test_a_stack_that_cannot_write_one_of_its_files_names_it(tmp_path: Path, occupied: str) -> None:
    """Such as one that another user left there."""
    place = tmp_path / "data" / occupied
    place.parent.mkdir(parents=True)
    place.touch() if occupied == "nats" else place.mkdir()
    assert str(place) in only_line(await headrace(*UP, "--data", tmp_path / "data"))


@pytest.mark.full
async def test_files_that_cannot_be_written_are_named(alice: User, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    program = tmp_path / "leaves.sh"
    program.write_text("echo kept > kept.txt")
    words = ("run", "--artifact", "kept.txt", "--output", tmp_path / "file", program)
    assert str(tmp_path / "file") in only_line(await of(alice, *words))
    export = await of(alice, "export", tmp_path / "nowhere" / "history")
    assert str(tmp_path / "nowhere") in only_line(export)


@pytest.mark.parametrize(
    ("word", "module"),
    [
        ("ls", "typer"),
        pytest.param("--help", "typer", marks=pytest.mark.full),
        pytest.param("up", "typer", marks=pytest.mark.full),
        ("ls", "aiohttp"),
        pytest.param("up", "msgspec", marks=pytest.mark.full),
    ],
)
async def test_ctrl_c_while_it_is_imported_says_nothing(tmp_path: Path, word: str, module: str) -> None:
    """A module that it imports waits here for as long as it takes to press the keys.

    The gate closes before the process is waited for: a signal that comes just before the module reads does
    not interrupt that read, and the handler runs only when the read has returned.
    """
    gate = tmp_path / "gate"
    os.mkfifo(gate)
    (tmp_path / f"{module}.py").write_text(f"open({str(gate)!r}).read()\n")
    process = await asyncio.create_subprocess_exec(
        HEADRACE, word, stdout=PIPE, stderr=PIPE, env={**ENVIRONMENT, "PYTHONPATH": str(tmp_path)}
    )
    with await asyncio.to_thread(gate.open, "w"):
        process.send_signal(signal.SIGINT)
    said = await process.communicate()
    assert process.returncode == 130
    assert said == (b"", b"")


async def test_a_port_that_is_none_is_refused(tmp_path: Path) -> None:
    refused = await headrace(*UP, "--api-port", "70000", "--data", tmp_path / "data")
    assert refused.code == 2
    assert b"--api-port" in refused.stderr
    assert not (tmp_path / "data").exists()


async def test_a_port_in_use_is_one_line(tmp_path: Path) -> None:
    async with await asyncio.start_server(lambda _, writer: writer.close(), "127.0.0.1", 0) as taken:
        port = taken.sockets[0].getsockname()[1]
        refused = await headrace(*UP, "--api-port", port, "--data", tmp_path / "data")
    assert only_line(refused).startswith(
        f"port {port} is in use, perhaps by another stack: choose another with"
    )


@pytest.mark.row("all", "1.6")
@pytest.mark.parametrize(
    ("options", "why"),
    [
        (("execution=8001",), "--dialect: 'execution' is no dialect; did you mean executions?"),
        (("jobs",), "--dialect: 'jobs' names no port"),
        (("jobs=65536",), "--dialect: 65536 is no port"),
        (("jobs=8001", "jobs=8002"), "--dialect: jobs is named twice"),
        (("jobs=8001", "progress=8001"), "--dialect: port 8001 is given twice"),
    ],
)
@pytest.mark.full
async def test_a_dialect_that_cannot_be_is_one_line(
    tmp_path: Path, options: tuple[str, ...], why: str
) -> None:
    words = [word for option in options for word in ("--dialect", option)]
    assert only_line(await headrace(*UP, "--data", tmp_path / "data", *words)).startswith(why)


@pytest.mark.row("all", "1.6")
@pytest.mark.full
async def test_a_port_of_a_dialect_that_is_in_use_is_one_line(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        line = only_line(await headrace(*UP, "--data", tmp_path / "data", "--dialect", f"jobs={port}"))
    assert line.startswith(f"port {port} is in use")
