"""TCP ports of loopback, kept for processes that are to listen on them, also while one is started again."""

import socket
from contextlib import ExitStack


class Ports(ExitStack):
    """Ports that nobody else is given until the context ends."""

    def take(self) -> int:
        """One more. It is bound, but not listened on, so that its owner still may (with SO_REUSEADDR)."""
        holder = self.enter_context(socket.socket())
        holder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        holder.bind(("127.0.0.1", 0))
        port: int = holder.getsockname()[1]
        return port
