"""A local stack's ports: held from the beginning, or refused in a line that says what to choose."""

import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from headrace.local.nats_server import KEPT_PORTS_MAX, free_port
from headrace.local.ports import Ports
from headrace.local.stack import StackError

NOBODY = 65_534


@contextmanager
def without_privileges() -> Iterator[None]:
    """As an ordinary user, whoever runs the test."""
    before = os.geteuid()
    if before == 0:
        os.seteuid(NOBODY)
    try:
        yield
    finally:
        os.seteuid(before)


def test_a_port_that_is_held_may_still_be_listened_on() -> None:
    with Ports() as ports, socket.socket() as owner:
        port = ports.hold(0, "--api-port")
        owner.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        owner.bind(("127.0.0.1", port))
        owner.listen()


def test_a_port_that_somebody_listens_on() -> None:
    with Ports() as ports, socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        with pytest.raises(StackError, match=f"port {port} is in use.*--api-port, 0 takes a free one"):
            ports.hold(port, "--api-port")


def test_a_port_of_another_address_family() -> None:
    with Ports() as ports:
        assert ports.hold(0, "--api-port", host="::1") > 0


def test_a_port_that_is_for_root() -> None:
    why = pytest.raises(StackError, match=r"this user may not listen on port 81: .* --notifier-port")
    with Ports() as ports, without_privileges(), why:
        ports.hold(81, "--notifier-port")


@pytest.mark.parametrize("port", [-1, 65_536, 10**9])
def test_what_is_no_port(port: int) -> None:
    with Ports() as ports, pytest.raises(StackError, match=f"{port} is no port: give --api-port one from"):
        ports.hold(port, "--api-port")


def test_an_address_that_is_not_here() -> None:
    with Ports() as ports, pytest.raises(StackError, match=r"nobody can listen on 192\.0\.2\.1, port 0"):
        ports.hold(0, "--api-port", host="192.0.2.1")


def test_a_free_port_is_kept_from_others_and_its_owner_may_listen_on_it() -> None:
    port = free_port()
    with pytest.raises(OSError, match="in use"), socket.socket() as other:
        other.bind(("127.0.0.1", port))
    socket.create_server(("127.0.0.1", port)).close()


def test_so_many_are_kept_and_no_more() -> None:
    for _ in range(KEPT_PORTS_MAX):
        free_port()
    before = len(os.listdir("/proc/self/fd"))  # noqa: PTH208 - names are enough
    free_port()
    assert len(os.listdir("/proc/self/fd")) == before  # noqa: PTH208 - names are enough
