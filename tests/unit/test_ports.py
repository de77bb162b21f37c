"""Ports that are kept: nobody else gets one, and its owner may listen on it, again and again."""

import socket

import pytest

from headrace.local.ports import Ports
from shared.http_server.server import listen


def test_a_port_is_its_owners_until_the_end() -> None:
    with Ports() as ports:
        port = ports.take()
        assert ports.take() != port
        for _ in range(2):
            listen("127.0.0.1", port).close()
        with socket.socket() as other, pytest.raises(OSError, match="in use"):
            other.bind(("127.0.0.1", port))
    with socket.socket() as other:
        other.bind(("127.0.0.1", port))
