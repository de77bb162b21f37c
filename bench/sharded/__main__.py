"""One stream against four: appends alone, then the protocol under competing writers; sides take turns.

``python -m bench.sharded [--streams 4] [--rounds 5] [--sync always]``. The first round warms up and does not
count. Ends with 1 if any run broke a promise.
"""

import argparse
import asyncio
import sys
from collections import Counter
from collections.abc import Awaitable, Callable

from bench.measure import console, ratio, summary
from bench.sharded.layout import Layout
from bench.sharded.runs import Outcome, run_appends, run_protocol
from headrace.local.nats_server import Sync

Run = Callable[[Layout], Awaitable[Outcome]]


async def compare(name: str, run: Run, streams: int, rounds: int) -> int:
    """Print one run's figures for both sides, and their ratios; returns how many violations there were."""
    sides = (1, streams)
    found: dict[int, list[Outcome]] = {shards: [] for shards in sides}
    broken = 0
    for number in range(rounds + 1):
        # Which side is first alternates, so that a machine that slows down favours none.
        for shards in sides if number % 2 else reversed(sides):
            outcome = await run(Layout(shards))
            broken += len(outcome.violations)
            for violation in outcome.violations[:5]:
                console.print(f"VIOLATION {name} {shards} streams: {violation}")
            if number:
                found[shards].append(outcome)
    for shards, outcomes in found.items():
        _print(name, shards, outcomes)
    one, many = (found[shards] for shards in sides)
    for what, figure, better in (
        ("appends", _rate, "higher"),
        ("server_processor", _server_us, "lower"),
        ("client_processor", _client_us, "lower"),
    ):
        ours, reference = (summary([figure(each) for each in side]).median for side in (many, one))
        ratio(f"sharded_{name}_{what}", ours, reference, better)  # type: ignore[arg-type]  # literals above
    return broken


def _print(name: str, shards: int, outcomes: list[Outcome]) -> None:
    label = f"{name}, {shards} stream{'s' if shards > 1 else ''}:"
    console.print(summary([_rate(each) for each in outcomes]).row(f"{label} events stored", "/s"))
    console.print(summary([_server_us(each) for each in outcomes]).row(f"{label} server, an event", "µs"))
    console.print(summary([_client_us(each) for each in outcomes]).row(f"{label} clients, an event", "µs"))
    busy = summary([each.used_s / each.seconds for each in outcomes]).median
    refused = sum(each.refused for each in outcomes)
    events = sum((each.events for each in outcomes), Counter[str]())
    console.print(f"  server busy with {busy:.2f} processors; {refused} appends refused; {dict(events)}")
    console.print(f"  users in each shard: {outcomes[-1].users}")


def _rate(outcome: Outcome) -> float:
    return outcome.events.total() / outcome.seconds


def _server_us(outcome: Outcome) -> float:
    return outcome.used_s / outcome.events.total() * 1e6


def _client_us(outcome: Outcome) -> float:
    return outcome.clients_s / outcome.events.total() * 1e6


async def measure(streams: int, rounds: int, sync: Sync) -> int:
    """Both runs; the status to end with."""
    broken = await compare(
        "appends", lambda layout: run_appends(layout, at_once=256, jobs=4_000, sync=sync), streams, rounds
    )
    broken += await compare(
        "protocol", lambda layout: run_protocol(layout, users=400, jobs=5, sync=sync), streams, rounds
    )
    return int(broken > 0)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--streams", type=int, default=4)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--sync", choices=("always", "fast"), default="always")
    given = parser.parse_args()
    sys.exit(asyncio.run(measure(given.streams, given.rounds, given.sync)))
