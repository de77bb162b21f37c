"""Several executors' cores over one log and one queue, at random: what must hold, whatever goes wrong.

First in, first out in each lane; never more than K of a lane at a time; no more jobs than slots, of either
kind; no slot idle while a held job may start; what is held stays within its bounds; each held delivery is
kept alive, no other; a delivery is not taken from an executor that has it; and once nothing goes wrong any
more, every job ends.
`World` and `Executor` check all of it at every step.
"""

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule

from services.executor.scheduling.circuit import Closed, Doubtful, Open
from shared.domain.job import Finished
from shared.jetstream.delivery import ACK_WAIT_S
from tests.unit.scheduling.world import Executor, World

LONGEST_S = 240.0
"""Within which every job ends once things are calm: the longest delay is a minute."""
ROUND_S = 0.5
CONCURRENCY = {"alice": (1,), "bob": (2,), "carol": (3,), "dave": (1, 2, 3)}

which = st.integers(0, 2)
pick = st.integers(0, 50)


class Schedulers(RuleBasedStateMachine):
    """Three executors; one of them has a language that the others do not have."""

    def __init__(self) -> None:
        super().__init__()
        self.world = World()
        for number in range(3):
            self.world.executors.append(self.opened(number))

    def opened(self, number: int) -> Executor:
        languages = ("python", "cobol") if number == 0 else ("python",)
        return Executor(self.world, f"x{number}", 1 + number % 2, languages)

    def restart(self, number: int) -> None:
        self.world.executors[number] = self.opened(number)

    @initialize(
        alice=st.integers(0, 12), bob=st.integers(0, 4), carol=st.integers(0, 4), rounds=st.integers(0, 3)
    )
    def be_busy_from_the_start(self, alice: int, bob: int, carol: int, rounds: int) -> None:
        for user, count in (("alice", alice), ("bob", bob), ("carol", carol)):
            for _ in range(count):
                self.world.submit(user, CONCURRENCY[user][0], 10, "python")
        for _ in range(rounds):
            self.work(0, messages=10, entries=50, ends=0)

    @rule(
        user=st.sampled_from(sorted(CONCURRENCY)),
        concurrency=pick,
        size=st.sampled_from([10, 10, 30_000]),
        language=st.sampled_from(["python", "python", "python", "cobol"]),
        count=st.integers(1, 6),
        is_interactive=st.sampled_from([False, False, True]),
    )
    def submit(
        self, user: str, concurrency: int, size: int, language: str, count: int, *, is_interactive: bool
    ) -> None:
        choices = CONCURRENCY[user]
        for _ in range(count):
            k = choices[concurrency % len(choices)]
            self.world.submit(user, k, size, language, is_interactive=is_interactive)

    @rule(
        first=which, messages=st.integers(0, 5), entries=st.sampled_from([0, 1, 50]), ends=st.integers(0, 2)
    )
    def work(self, first: int, messages: int, entries: int, ends: int) -> None:
        """What all executors do all the time, a little of each, one after another."""
        for number in (first, (first + 1) % 3, (first + 2) % 3):
            self.fetch_and_take(number, messages)
            self.follow(number, entries)
            executor = self.world.executors[number]
            for job in list(executor.executions):
                self.begin(number, job)
            for job in list(executor.executions)[:ends]:
                self.end(number, job)

    @rule(which=which, messages=st.integers(1, 10))
    def fetch_and_take(self, which: int, messages: int) -> None:
        executor = self.world.executors[which]
        executor.fetch()
        for _ in range(messages):
            executor.take_next()

    @rule(which=which, entries=st.integers(1, 20))
    def follow(self, which: int, entries: int) -> None:
        self.world.executors[which].follow(entries)

    @rule(which=which, job=pick, refused=st.sampled_from([False, False, True]))
    def attempt(self, which: int, job: int, refused: bool) -> None:
        """One job's attempt begins, or gets no cell, or ends."""
        executor = self.world.executors[which]
        if executor.executions:
            job_id = list(executor.executions)[job % len(executor.executions)]
            if executor.executions[job_id].attempt:
                executor.end(job_id)
            elif refused:
                executor.refuse_cell(job_id)
            else:
                executor.begin(job_id)

    def begin(self, which: int, job_id: str) -> None:
        executor = self.world.executors[which]
        if not executor.executions[job_id].attempt:
            executor.begin(job_id)

    def end(self, which: int, job_id: str) -> None:
        executor = self.world.executors[which]
        if executor.executions[job_id].attempt:
            executor.end(job_id)

    @rule(pick=pick)
    def cancel(self, pick: int) -> None:
        unfinished = [job for job, (state, _) in self.world.jobs.items() if not isinstance(state, Finished)]
        if unfinished:
            self.world.cancel(unfinished[pick % len(unfinished)])

    @rule(seconds=st.sampled_from([0.06, 0.5, 2.0, 9.5, 11.0]))
    def advance(self, seconds: float) -> None:
        for executor in self.world.executors:
            # Without a connection for longer than its lease, an executor has lost what it held.
            if seconds > ACK_WAIT_S / 2 and not executor.is_connected:
                self.connect(executor)
        self.world.advance(seconds)

    @rule(which=which, what=st.sampled_from(["crash", "pause", "connection", "drain", "cells"]))
    def disturb(self, which: int, what: str) -> None:
        executor = self.world.executors[which]
        if executor.is_draining:
            self.leave(which)
        elif what == "crash":
            self.restart(which)
        elif what == "pause":
            executor.lose_all()
        elif what == "drain":
            self.connect(executor)
            executor.drain()
        elif what == "cells":
            self.change_cells(executor)
        elif executor.is_connected:
            executor.is_connected, executor.fetching = False, 0
        else:
            self.connect(executor)

    @staticmethod
    def connect(executor: Executor) -> None:
        executor.is_connected = True
        executor.send_heartbeats()

    @rule(which=which, job=pick)
    def kill_the_server(self, which: int, job: int) -> None:
        """It has not stored that it delivered a message, and delivers it to another executor too."""
        started = {one for executor in self.world.executors for one in executor.executions}
        delivered = [one for one in self.world.messages.values() if one.is_with == "executor"]
        kept = [one for one in delivered if one.queued.job_id not in started]
        executor = self.world.executors[which]
        if kept and executor.is_connected and not executor.is_draining:
            message = kept[job % len(kept)]
            self.world.deliver_again(message)
            executor.take(message)
            executor.follow(len(self.world.log))
            for job_id in list(executor.executions):
                self.begin(which, job_id)

    def change_cells(self, executor: Executor) -> None:
        """A cell cannot be made, then neither can a trial cell; a moment later both can."""
        now_s = self.world.now_s
        for circuit in (Doubtful("", now_s), Open("", now_s, 1, now_s + 1)):
            executor.change_cells(circuit)
            executor.fetch()
            executor.follow(2)
            executor.take_next()
        executor.change_cells(Closed())

    def leave(self, which: int) -> None:
        executor = self.world.executors[which]
        executor.end_grace()
        self.end_all(executor)
        self.restart(which)

    def end_all(self, executor: Executor) -> None:
        executor.follow(len(self.world.log))
        for job in list(executor.executions):
            if not executor.executions[job].attempt:
                executor.begin(job)
        for job in list(executor.executions):
            if executor.executions[job].attempt:
                executor.end(job)

    def teardown(self) -> None:
        """Nothing goes wrong any more."""
        for number, executor in enumerate(self.world.executors):
            self.connect(executor)
            executor.change_cells(Closed())
            if executor.is_draining:
                self.leave(number)
        until_s = self.world.now_s + LONGEST_S
        while self.world.messages:
            assert self.world.now_s < until_s, f"never ended: {[*self.world.messages.values()]}"
            for executor in self.world.executors:
                executor.fetch()
                while executor.take_next():
                    pass
                self.end_all(executor)
            self.world.advance(ROUND_S)
        assert all(isinstance(state, Finished) for state, _ in self.world.jobs.values())


class TestSchedulers(Schedulers.TestCase):  # type: ignore[misc,valid-type]
    """Some histories: each takes up to a second."""

    settings = settings(max_examples=8, stateful_step_count=100)


@pytest.mark.full
class TestManySchedulers(Schedulers.TestCase):  # type: ignore[misc,valid-type]
    """Many histories."""

    settings = settings(max_examples=100, stateful_step_count=100)
