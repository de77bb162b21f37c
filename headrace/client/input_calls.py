"""Client calls that give a running program its input, a terminal's size, and signals (docs/http.md)."""

from headrace.client.calling import OpenedClient, decode, job_path
from headrace.client.encoding import content_of
from headrace.client.models import InputState

PIECE_BYTES_MAX = 64 * 1024
"""Bytes of one piece of input."""


class InputCalls(OpenedClient):
    """Calls about the input of one interactive job.

    A refusal that says when to retry (the program does not run yet) is retried as any temporary one.
    """

    async def input_state(self, job_id: str) -> InputState:
        """How far the input goes."""
        return await self._get(f"{job_path(job_id)}/input", InputState)

    async def send_piece(
        self, job_id: str, offset: int, content: bytes, *, end: bool = False, secret: bool = False
    ) -> InputState:
        """Add one piece that begins at `offset`. Idempotent: a piece that is there already changes nothing.

        Raises ProblemAnswerError if another piece stands there.
        """
        body = {"offset": offset, **content_of(content), "end": end, "secret": secret}
        return await self._tell(job_id, "input", body)

    async def send_input(self, job_id: str, content: bytes | str, *, secret: bool = False) -> InputState:
        """Add bytes at the end of the input, in pieces. A `secret` piece is kept nowhere."""
        content = content.encode() if isinstance(content, str) else content
        state = await self.input_state(job_id)
        for begin in range(0, len(content), PIECE_BYTES_MAX):
            piece = content[begin : begin + PIECE_BYTES_MAX]
            state = await self.send_piece(job_id, state.offset, piece, secret=secret)
        return state

    async def end_input(self, job_id: str) -> InputState:
        """Tell the program that its input has ended. An input that has ended already is no error."""
        state = await self.input_state(job_id)
        return state if state.ended else await self.send_piece(job_id, state.offset, b"", end=True)

    async def resize(self, job_id: str, columns: int, rows: int) -> InputState:
        """Give the job's terminal another size."""
        return await self._tell(job_id, "terminal", {"columns": columns, "rows": rows})

    async def signal(self, job_id: str, name: str) -> InputState:
        """Send the program a signal, such as ``SIGINT``; twice if the response to the first call is lost."""
        return await self._tell(job_id, "signal", {"signal": name})

    async def _tell(self, job_id: str, what: str, body: dict[str, object]) -> InputState:
        return decode(
            await self._ready.calls.call("POST", f"{job_path(job_id)}/{what}", body=body), InputState
        )
