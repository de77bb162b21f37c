"""Reads what is known of one job's input: whether it may be added to, how far it goes, what stands where."""

from msgspec import UnsetType

from shared.contract.codec import UndecodableError, UnknownTagError, decode_input
from shared.contract.subjects import INPUT, job_input
from shared.domain.events import InputMessage, JobInput, JobQueued
from shared.domain.interaction import Interaction
from shared.domain.job import Expired, Finished, NoJob, Queued, Running
from shared.domain.job_input import InputEnd, InputRefusal, NewPiece, end_of
from shared.jetstream.errors import JetStreamError, UnreachableError
from shared.jetstream.event_log import REPLICA_LAG_MAX_S, REPLICA_PAUSE_S, Log
from shared.jetstream.stored_message import Entry
from shared.retry import poll

ENDED = InputRefusal("already_finished", "the job has already ended")
NOT_INTERACTIVE = InputRefusal("not_interactive", "the job was not submitted as interactive")


class InputReader:
    """Reads the input of jobs, and the jobs themselves."""

    def __init__(self, log: Log) -> None:
        """Read from this log."""
        self._log = log

    async def read_job(self, user_id: str, job_id: str) -> tuple[Interaction, bool] | InputRefusal:
        """How the job is given input, and whether it runs. Raises BrokerError."""
        state = (await self._log.read_job(user_id, job_id)).state
        match state:
            case NoJob():
                return InputRefusal("unknown_job", "you have no job of this id")
            case Expired():
                return InputRefusal("expired", "the job has expired: what it left is gone")
            case Finished(queued):
                return NOT_INTERACTIVE if _interaction(queued) is None else ENDED
            case Queued(queued) | Running(queued):
                interaction = _interaction(queued)
                return NOT_INTERACTIVE if interaction is None else (interaction, isinstance(state, Running))

    async def read_end(self, user_id: str, job_id: str) -> InputEnd:
        """How far the job's input goes. Raises BrokerError."""
        last = await self._log.last(job_input(user_id, job_id), stream=INPUT)
        return InputEnd() if last is None else _read(last)[1]

    async def read_pieces(
        self, user_id: str, job_id: str, piece: NewPiece
    ) -> tuple[tuple[JobInput, ...], InputEnd]:
        """The stored pieces where this one stands, and how far the input goes. Raises BrokerError.

        None of them are there any more if the input was removed meanwhile.
        """

        async def read() -> tuple[tuple[JobInput, ...], InputEnd]:
            end = await self.read_end(user_id, job_id)
            return tuple(await self._read_pieces(user_id, job_id, piece, end)), end

        def is_whole(found: tuple[tuple[JobInput, ...], InputEnd]) -> bool:
            """A replica may lag behind the leader, which has told the end."""
            pieces, end = found
            return end.offset < piece.until or (
                bool(pieces)
                and end_of(pieces[-1], 0).offset >= piece.until
                and pieces[0].offset <= piece.offset
            )

        try:
            return await poll(read, until=is_whole, within_s=REPLICA_LAG_MAX_S, pause_s=REPLICA_PAUSE_S)
        except TimeoutError as error:
            raise UnreachableError(f"no replica has all input of job {job_id}") from error

    async def _read_pieces(self, user_id: str, job_id: str, piece: NewPiece, end: InputEnd) -> list[JobInput]:
        stored = list[JobInput]()
        replay = self._log.replay(job_input(user_id, job_id), up_to=end.sequence, stream=INPUT)
        async for entry in replay:
            message, behind = _read(entry)
            if not isinstance(message, JobInput) or behind.offset <= piece.offset:
                continue
            if message.offset >= piece.until:
                break
            stored.append(message)
        return stored


def _read(entry: Entry) -> tuple[InputMessage, InputEnd]:
    """The message of an entry, and how far it goes. Raises JetStreamError if this version cannot read it."""
    try:
        message = decode_input(entry.subject, entry.payload)
        return message, end_of(message, entry.sequence)
    except (UndecodableError, UnknownTagError, ValueError) as error:
        raise JetStreamError(0, f"input {entry.sequence} cannot be read: {error}") from error


def _interaction(queued: JobQueued) -> Interaction | None:
    return None if isinstance(queued.interactive, UnsetType) else queued.interactive
