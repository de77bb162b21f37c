"""Reserves TCP ports for processes that will listen on them, also across restarts."""

import errno
import socket
from contextlib import ExitStack

from headrace.local.stack import StackError

LOOPBACK = "127.0.0.1"


class Ports(ExitStack):
    """Ports that no other process is given until the context ends."""

    def take(self) -> int:
        """One more unused port of loopback."""
        return self._bound(LOOPBACK, 0)

    def hold(self, port: int, option: str, *, host: str = LOOPBACK) -> int:
        """This port, or an unused one for 0. Raises StackError, which names the port and the option."""
        try:
            return self._bound(host, port)
        except OverflowError:
            raise StackError(f"{port} is no port: give {option} one from 1 to 65535, or 0") from None
        except OSError as error:
            if error.errno == errno.EADDRINUSE:
                raise StackError(
                    f"port {port} is in use, perhaps by another stack: choose another with {option}, "
                    "0 takes a free one"
                ) from error
            if error.errno in {errno.EACCES, errno.EPERM}:
                raise StackError(
                    f"this user may not listen on port {port}: choose one from 1024 on with {option}"
                ) from error
            raise StackError(f"nobody can listen on {host}, port {port}: {error.strerror}") from error

    def _bound(self, host: str, port: int) -> int:
        """Bind without listening, so that the port's owner still can (with SO_REUSEADDR)."""
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        holder = self.enter_context(socket.socket(family))
        holder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        holder.bind((host, port))
        taken: int = holder.getsockname()[1]
        return taken
