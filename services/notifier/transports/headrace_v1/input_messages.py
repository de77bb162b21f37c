"""Messages about the input of a job that reads while it runs, one struct each. Shapes only. Pure."""

from typing import TypeAlias

from services.notifier.transports.headrace_v1.message_base import ClientBase, ServerBase


class Input(ClientBase, frozen=True, kw_only=True, tag="input"):
    """Give my program these bytes to read, which begin at `offset` of its input.

    `encoding` is ``utf-8`` or ``base64``. With `end` its input ends behind them; `secret` bytes are shown
    and kept nowhere.
    """

    job_id: str
    offset: int
    content: str
    id: str | None = None
    encoding: str = "utf-8"
    end: bool = False
    secret: bool = False


class EndInput(ClientBase, frozen=True, kw_only=True, tag="end_input"):
    """Tell my program that its input has ended: at `offset`, or wherever it ends now."""

    job_id: str
    offset: int | None = None
    id: str | None = None


class Resize(ClientBase, frozen=True, kw_only=True, tag="resize"):
    """The terminal of my program has another size, in characters: 1 to 1000 each way."""

    job_id: str
    columns: int
    rows: int
    id: str | None = None


class Signal(ClientBase, frozen=True, kw_only=True, tag="signal"):
    """Send my program this signal: ``SIGINT``, ``SIGTERM``, ``SIGHUP``, ``SIGQUIT``, ``SIGUSR1`` or
    ``SIGUSR2``."""

    job_id: str
    signal: str
    id: str | None = None


class InputStored(ServerBase, frozen=True, kw_only=True, tag="input_stored"):
    """It is stored, now or before. The next piece begins at `offset`; `ended`: there is none."""

    job_id: str
    offset: int
    ended: bool
    id: str | None = None


InputCommand: TypeAlias = Input | EndInput | Resize | Signal
