"""A log, a consumer's queue and executors around real cores, in one process and in simulated time.

The queue behaves as JetStream's does: it delivers again what is given back, what was delayed, and what had no
heartbeat for the acknowledgement wait. An answer counts for the message, whoever holds it. Every action of a
core is checked when it is performed, and every executor after each input.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from msgspec import UNSET

from services.executor.scheduling.actions import (
    Abandon,
    Ack,
    Action,
    Answer,
    Disposition,
    Fetch,
    Nak,
    ReportContradiction,
    Start,
    Stop,
    StopReason,
    Terminate,
    TickAfter,
    WakeFetch,
)
from services.executor.scheduling.cell_health import CellHealth
from services.executor.scheduling.circuit import PAUSE_FIRST_S, Circuit
from services.executor.scheduling.core import SchedulerCore
from services.executor.scheduling.inputs import (
    AttemptStarted,
    CellsChanged,
    Context,
    Delivered,
    DeliveryLost,
    DrainStarted,
    FetchDue,
    FetchingStopped,
    GraceEnded,
    Input,
    LogEntry,
    SlotFreed,
    Tick,
)
from services.executor.scheduling.slots import Bounds
from services.executor.scheduling.unfinished_jobs import UnfinishedJobs
from shared.domain.decisions import (
    Append,
    AttemptStart,
    CommandContext,
    decide_cancel,
    decide_finish,
    decide_start,
)
from shared.domain.events import Event, Isolation, JobQueued, JobRunning, SourceFile
from shared.domain.job import Finished, JobState, NoJob, Queued, Running, evolve
from shared.domain.lanes import Lane, lane_of
from shared.jetstream.delivery import ACK_WAIT_S, Delivery
from tests import builders

STEP_S = 2.5
"""Heartbeats come at least this often."""
PULL_S = 5.0
A_MOMENT_S = 1e-6
HELD_MAX, HELD_BYTES_MAX = 3, 60_000
INTERACTIVE_SLOTS = 1
"""Of each executor, besides the others."""


@dataclass
class Message:
    """A queued job in the consumer's queue. `is_shared`: two executors may hold it, by the server's fault."""

    queued: JobQueued
    sequence: int
    is_with: str = "server"
    delivered: int = 0
    due_s: float = 0.0
    is_shared: bool = False


@dataclass
class Execution:
    """A job that has a slot: what was known when it started, and its attempt once that is in the log."""

    queued: JobQueued
    state: JobState
    last_sequence: int
    attempt: int = 0
    stop: StopReason | None = None


@dataclass
class World:
    """The server's side: the log, the consumer's queue, the time."""

    now_s: float = 1.0
    log: list[LogEntry] = field(default_factory=list)
    jobs: dict[str, tuple[JobState, int]] = field(default_factory=dict)
    running_since: dict[str, float] = field(default_factory=dict)
    messages: dict[int, Message] = field(default_factory=dict)
    executors: list["Executor"] = field(default_factory=list)

    def context(self, *, is_connected: bool) -> Context:
        """No two inputs come at the same time."""
        self.now_s += A_MOMENT_S
        return Context(self.now_s, self.utc(), is_connected)

    def utc(self) -> datetime:
        """The date of the present moment."""
        return builders.NOON + timedelta(seconds=self.now_s)

    def submit(
        self, user: str, concurrency: int, size: int, language: str, *, is_interactive: bool = False
    ) -> None:
        """A job is accepted."""
        source = SourceFile(name="main.py", content="x" * size)
        queued = builders.queued(
            f"{user}-{len(self.log) + 1}",
            user,
            time=self.utc(),
            concurrency=concurrency,
            files=(source,),
            language=language,
            interactive=builders.INTERACTION if is_interactive else UNSET,
        )
        self.append(queued)
        self.messages[len(self.log)] = Message(queued, len(self.log))

    def append(self, event: Event) -> None:
        """Store an event that follows what is stored. What is promised of starts is checked here."""
        state, _ = self.jobs.get(event.job_id, (NoJob(), 0))
        if isinstance(event, JobRunning) and event.attempt == 1:
            ahead = list(self.lane(lane_of(self.queued(event))))
            place = [one.job_id for one in ahead].index(event.job_id)
            allowed = all(at < one.concurrency for at, one in enumerate(ahead[: place + 1]))
            assert allowed, f"{event.job_id} started as number {place} of its lane"
        self.now_s += A_MOMENT_S
        self.jobs[event.job_id] = (evolve(state, event), len(self.log) + 1)
        self.log.append(LogEntry(len(self.log) + 1, self.utc(), event))
        if isinstance(event, JobRunning):
            self.running_since[event.job_id] = self.now_s
        lane = self.lane(lane_of(self.queued(event)))
        running = [one for one in lane if isinstance(self.jobs[one.job_id][0], Running)]
        assert len(running) <= max((one.concurrency for one in running), default=0)

    def lane(self, lane: Lane) -> Iterator[JobQueued]:
        """The lane's unfinished jobs in the order of the log."""
        for state, _ in self.jobs.values():
            if isinstance(state, Queued | Running) and lane_of(state.queued) == lane:
                yield state.queued

    def queued(self, event: Event) -> JobQueued:
        """How the job of an event began."""
        if isinstance(event, JobQueued):
            return event
        state, _ = self.jobs[event.job_id]
        assert isinstance(state, Queued | Running | Finished)
        return state.queued

    def cancel(self, job_id: str) -> None:
        """The user wants the job stopped."""
        decision = decide_cancel(self.jobs[job_id][0], "user", CommandContext(self.utc(), "req-2"))
        if isinstance(decision, Append):
            self.append(decision.event)

    def ready(self) -> Message | None:
        """What is delivered next: what comes again before what is new."""
        waiting = [one for one in self.messages.values() if one.is_with == "server"]
        return min(waiting, key=lambda one: (one.delivered == 0, one.sequence), default=None)

    def deliver_again(self, message: Message) -> None:
        """The server does not know any more that it has delivered the message."""
        message.is_with, message.is_shared = "server", True

    def take_answer(self, executor: "Executor", delivery: Delivery, disposition: Disposition) -> None:
        """An answer has reached the server."""
        message = self.messages.get(delivery.sequence)
        if message is None:
            return
        if isinstance(disposition, Ack):
            state, _ = self.jobs[message.queued.job_id]
            assert isinstance(state, Finished), f"{message.queued.job_id} was acknowledged unfinished"
            del self.messages[delivery.sequence]
        elif isinstance(disposition, Nak):
            others = [one for one in self.executors if one is not executor and delivery.sequence in one.kept]
            assert message.is_shared or not others, "the NAK takes a delivery from another executor"
            message.is_with = "delay" if disposition.delay_s else "server"
            message.due_s = self.now_s + disposition.delay_s

    def advance(self, seconds: float) -> None:
        """Let time pass, with the heartbeats of every executor that is connected."""
        until_s = self.now_s + seconds
        while self.now_s < until_s:
            self.now_s = min(until_s, self.now_s + STEP_S)
            for executor in self.executors:
                executor.send_heartbeats()
            for message in self.messages.values():
                if message.is_with != "server" and message.due_s <= self.now_s:
                    message.is_with = "server"
            for executor in self.executors:
                executor.check_time()


class Executor:
    """One executor's side: the shell around a core, with work that lasts until the test ends it."""

    def __init__(self, world: World, name: str, slots: int, languages: tuple[str, ...]) -> None:
        """Starts at the consumer's floor: every job before it is terminal."""
        self.world = world
        self.name = name
        self.slots = slots
        self.unfinished = UnfinishedJobs()
        self.cells = CellHealth(patience_s=600.0, now_s=world.now_s)
        context = world.context(is_connected=True)
        self.core = SchedulerCore(
            Bounds(slots, HELD_MAX, HELD_BYTES_MAX, INTERACTIVE_SLOTS),
            self.unfinished,
            self.cells,
            offers=languages.__contains__,
            context=context,
        )
        self.position = min(world.messages, default=len(world.log) + 1) - 1
        self.core.begin_after(self.position)
        self.kept: dict[int, Delivery] = {}
        self.delivered_s: dict[str, float] = {}
        self.executions: dict[str, Execution] = {}
        self.fetching = 0
        self.fetched_s = 0.0
        self.tick_s: float | None = None
        self.is_connected = True
        self.is_draining = False

    # --- what reaches the core ------------------------------------------------------------------------

    def handle(self, given: Input) -> None:
        """Let the core decide, perform it, and check what is left."""
        for action in self.core.handle(given, self.world.context(is_connected=self.is_connected)):
            self._perform(action)
        self.check()

    def fetch(self) -> None:
        """The consumer asks again once its last request was fulfilled."""
        if self.is_connected and not self.fetching:
            self.handle(FetchDue())

    def take_next(self) -> bool:
        """The server delivers one message, if it was asked for one and has one."""
        message = self.world.ready()
        if message is None or not self.fetching or not self.is_connected:
            return False
        self.fetching -= 1
        self.take(message)
        return True

    def take(self, message: Message) -> None:
        """This message is delivered here."""
        message.delivered += 1
        message.is_with, message.due_s = "executor", self.world.now_s + ACK_WAIT_S
        delivery = Delivery("", message.sequence, message.delivered, self.name)
        self.kept[message.sequence] = delivery
        self.delivered_s[message.queued.job_id] = self.world.now_s
        self.handle(Delivered(delivery, message.queued))

    def follow(self, count: int) -> None:
        """Read on in the log."""
        for entry in self.world.log[self.position : self.position + count]:
            self.position = entry.sequence
            self.handle(entry)

    def lose_all(self) -> None:
        """The process was paused beyond its lease: its consumer forgets what it held."""
        lost, self.kept = self.kept, {}
        self.fetching = 0
        for sequence, delivery in lost.items():
            if sequence in self.world.messages:
                self.world.deliver_again(self.world.messages[sequence])
            self.core.handle(DeliveryLost(delivery), self.world.context(is_connected=self.is_connected))
        self.check()

    def change_cells(self, circuit: Circuit) -> None:
        """Cells can be made, or not, or it is doubtful."""
        self.cells.circuit = circuit
        self.handle(CellsChanged())

    def drain(self) -> None:
        """The executor is told to stop: what waits here goes to others."""
        self.is_draining = True
        self.handle(DrainStarted())
        self.fetching = 0
        self.handle(FetchingStopped())
        assert self.kept.keys() <= {slot.delivery.sequence for slot in self.core.executing.values()}

    def end_grace(self) -> None:
        """Programs have run for long enough after the executor was told to stop."""
        self.handle(GraceEnded())
        assert all(execution.stop for execution in self.executions.values())

    def send_heartbeats(self) -> None:
        """The server does not deliver again what is kept alive, whoever keeps it."""
        for sequence in self.kept if self.is_connected else ():
            message = self.world.messages.get(sequence)
            if message is not None and message.is_with == "executor":
                message.due_s = self.world.now_s + ACK_WAIT_S

    def check_time(self) -> None:
        """Timers of the shell."""
        if self.world.now_s - self.fetched_s > PULL_S:
            self.fetching = 0
        if self.tick_s is not None and self.tick_s <= self.world.now_s:
            self.tick_s = None
            self.handle(Tick())

    # --- what becomes of a job that has a slot, as `Attempts` does it ---------------------------------------

    def begin(self, job_id: str) -> None:
        """Record the attempt, or find that there is nothing to attempt."""
        execution = self.executions[job_id]
        state, sequence = self.world.jobs[job_id]
        if sequence != execution.last_sequence and _attempt_of(state) > _attempt_of(execution.state):
            self._free(job_id, Abandon())
            return
        starter = AttemptStart(self.name, Isolation(), None, attempts_max=5)
        decision = decide_start(state, starter, CommandContext(self.world.utc(), "req-1"))
        if not isinstance(decision, Append):
            self._free(job_id, Ack())
            return
        if isinstance(state, Running):
            after = self.delivered_s[job_id] > self.world.running_since[job_id]
            assert after, f"{job_id} was taken from an executor that had not lost it"
        self.world.append(decision.event)
        if isinstance(decision.event, JobRunning):
            execution.attempt = decision.event.attempt
            self.handle(AttemptStarted(job_id, execution.attempt))
        else:
            self._free(job_id, Ack())

    def end(self, job_id: str) -> None:
        """The program has ended, by itself or stopped."""
        execution = self.executions[job_id]
        state, _ = self.world.jobs[job_id]
        if execution.stop in {"superseded", "shutdown"}:
            self._free(job_id, Abandon() if execution.stop == "superseded" else Nak())
            return
        user, attempt = execution.queued.user_id, execution.attempt
        end = builders.cancelled if execution.stop == "cancelled" else builders.completed
        decision = decide_finish(state, end(job_id, user, attempt))
        if isinstance(decision, Append):
            self.world.append(decision.event)
        is_finished = isinstance(decision, Append) or isinstance(state, Finished)
        self._free(job_id, Ack() if is_finished else Abandon())

    def refuse_cell(self, job_id: str) -> None:
        """A job that was not attempted yet gets no cell."""
        self._free(job_id, Nak("cells", PAUSE_FIRST_S))

    def _free(self, job_id: str, disposition: Disposition) -> None:
        del self.executions[job_id]
        self.handle(SlotFreed(job_id, disposition))

    # --- what the core wants ----------------------------------------------------------------------------

    def _perform(self, action: Action) -> None:
        match action:
            case Start(queued):
                self._start(queued)
            case Stop(job_id, reason):
                execution = self.executions[job_id]
                execution.stop = execution.stop or reason
            case Answer(delivery, disposition):
                assert not isinstance(disposition, Terminate)
                self.kept.pop(delivery.sequence, None)
                if self.is_connected:
                    self.world.take_answer(self, delivery, disposition)
            case Fetch(count):
                assert count > 0
                assert not self.is_draining
                self.fetching, self.fetched_s = count, self.world.now_s
            case TickAfter(seconds):
                assert self.tick_s is None
                self.tick_s = self.world.now_s + seconds
            case WakeFetch():
                pass
            case ReportContradiction():
                raise AssertionError(action)

    def _start(self, queued: JobQueued) -> None:
        assert not self.is_draining
        assert not self.cells.is_doubtful
        known = self.unfinished.get(queued.job_id)
        assert known is not None
        self.executions[queued.job_id] = Execution(queued, known.state, known.last_sequence)
        talking = [one for one in self.executions.values() if one.queued.interactive is not UNSET]
        batch = len(self.executions) - len(talking)
        assert batch <= self.slots
        assert len(talking) <= INTERACTIVE_SLOTS
        place = self.unfinished.lanes.place(queued.job_id)
        assert place is not None, "a job started that its lane does not let"
        is_interactive = queued.interactive is not UNSET
        alike = [one for one in self._waiting() if self.unfinished.is_interactive(one) == is_interactive]
        nearer = [one for one in alike if (self.unfinished.lanes.place(one) or 0) < place]
        assert not nearer, f"{queued.job_id} came before {nearer}"

    def _waiting(self) -> list[str]:
        """Jobs that are held, may start, and have no slot."""
        held = [one for one in self.core.held if one not in self.core.executing]
        return [one for one in held if self.unfinished.lanes.may_start(one)]

    def _is_anothers(self, job_id: str) -> bool:
        """Whether it is known here that another executor started the job after it was delivered here."""
        known = self.unfinished.get(job_id)
        if job_id in self.core.executing or known is None or not isinstance(known.state, Running):
            return False
        is_newest = known.state == self.world.jobs[job_id][0]
        return is_newest and self.delivered_s[job_id] < self.world.running_since[job_id]

    def check(self) -> None:
        """What must hold after every input."""
        core = self.core
        assert core.executing.keys() == self.executions.keys()
        talking = [one for one in self.executions.values() if one.queued.interactive is not UNSET]
        batch = len(self.executions) - len(talking)
        assert batch <= self.slots
        assert len(talking) <= INTERACTIVE_SLOTS
        assert all(one in core.held for one in core.executing), "a job lost its delivery before its slot"
        waiting = {core.held[one].delivery.sequence for one in core.held if one not in core.executing}
        assert waiting <= self.kept.keys(), "a held delivery was answered, or is not kept alive"
        having_slots = {slot.delivery.sequence for slot in core.executing.values()}
        assert self.kept.keys() <= waiting | having_slots, "a delivery is kept alive for nothing"
        startable = self._waiting()
        held_bytes = sum(core.held[one].size_bytes for one in core.held)
        if len(waiting) > HELD_MAX or held_bytes > HELD_BYTES_MAX:
            assert len(startable) == len(waiting), "more is held than may be"
        assert not [one for one in core.held if self._is_anothers(one)], "held, but started elsewhere"
        if not self.is_draining:
            assert not startable or self.tick_s is not None, "what waits is not looked at again"
            unstarted = [one for one in startable if one in self.unfinished.startable]
            assert len(unstarted) <= 2 * self.slots, "more is held than the slots will take"
            assert not any(map(self.unfinished.is_interactive, startable)), "it is for others to start"
            if batch < self.slots and not self.cells.is_doubtful:
                assert not startable, "a slot is idle while a job waits for one"


def _attempt_of(state: JobState) -> int:
    return state.attempt if isinstance(state, Running) else 0
