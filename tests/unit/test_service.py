"""What every service's sockets are like."""

import socket

from shared.service.http_server.server import listen


def test_an_answer_does_not_wait_for_acknowledgements() -> None:
    with listen("127.0.0.1", 0) as listener:
        listener.listen()
        with socket.create_connection(listener.getsockname()[:2]):
            accepted, _ = listener.accept()
            with accepted:
                assert accepted.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY) == 1
