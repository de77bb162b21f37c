"""``python -m bench.published [--output DIRECTORY] [--against KIND=URL ...]``."""

import argparse
import asyncio
import tempfile
import time
from contextlib import AsyncExitStack
from pathlib import Path

import httpx

from bench.measure import console
from bench.published.bare import Bare
from bench.published.foreign import open_foreign
from bench.published.ours import over_http, over_websocket
from bench.published.programs import LANGUAGES, PRINTS, READS, Language, Program
from bench.published.report import Row, State, plot, table
from bench.published.side import Side, Timed
from headrace.local.supervisor import private_stack

CLIENTS = (1, 4, 16, 64)
PER_CLIENT = {1: 40, 4: 15, 16: 6, 64: 3}
COLD = 10
"""Texts that are new: each is compiled, where the language is."""


async def measure_cold(side: Side, program: Program) -> Row:
    """One after another, each of a text of its own."""
    began = time.perf_counter()
    timed = [await side.run(program.renamed(f"{began} {number}"), 0) for number in range(COLD)]
    return _row(side, program, "cold", 1, timed, began)


async def measure_warm(side: Side, program: Program, clients: int) -> Row:
    """So many clients, each with one program under way, after each has run it once."""
    await asyncio.gather(*(side.run(program, client) for client in range(clients)))

    async def repeat(client: int) -> list[Timed]:
        return [await side.run(program, client) for _ in range(PER_CLIENT[clients])]

    began = time.perf_counter()
    timed = [one for some in await asyncio.gather(*map(repeat, range(clients))) for one in some]
    return _row(side, program, "warm", clients, timed, began)


def _row(side: Side, program: Program, state: State, clients: int, timed: list[Timed], began: float) -> Row:
    per_s = len(timed) / (time.perf_counter() - began)
    return Row(program.language, program.name, side.name, state, clients, per_s, timed)


async def measure(output: Path | None, against: list[str], languages: list[Language]) -> None:
    """Every side in turn, for each language, program and number of clients."""
    rows: list[Row] = []
    async with AsyncExitStack() as opened:
        stack = await opened.enter_async_context(private_stack())
        place = Path(opened.enter_context(tempfile.TemporaryDirectory()))
        sides: list[Side] = [
            Bare(place),
            await opened.enter_async_context(over_websocket(stack, max(CLIENTS))),
            await opened.enter_async_context(over_http(stack, max(CLIENTS))),
        ]
        for one in against:
            kind, _, url = one.partition("=")
            http = await opened.enter_async_context(httpx.AsyncClient(base_url=url, timeout=120))
            sides.append(await open_foreign(kind, http))
        for language in languages:
            for program in (PRINTS[language], READS[language]):
                able = [side for side in sides if side.offers(program)]
                rows += [await measure_cold(side, program) for side in able]
                rows += [await measure_warm(side, program, clients) for clients in CLIENTS for side in able]
            console.print(f"measured: {language}")
    console.print(table(rows), markup=False)
    if output is not None:
        await asyncio.to_thread(_keep, output, rows)


def _keep(directory: Path, rows: list[Row]) -> None:
    directory.mkdir(parents=True, exist_ok=True)
    (directory / "published.md").write_text(table(rows))
    (directory / "published.svg").write_bytes(plot(rows))


def main() -> None:
    """Read the arguments."""
    parser = argparse.ArgumentParser(prog="python -m bench.published", description=__doc__)
    parser.add_argument("--output", type=Path, help="directory for published.md and published.svg")
    parser.add_argument(
        "--against",
        action="append",
        default=[],
        metavar="KIND=URL",
        help="another service: piston=URL, judge0=URL or snekbox=URL; may be repeated",
    )
    parser.add_argument("--language", action="append", choices=LANGUAGES, help="only these; all by default")
    arguments = parser.parse_args()
    asyncio.run(measure(arguments.output, arguments.against, arguments.language or list(LANGUAGES)))


if __name__ == "__main__":
    main()
