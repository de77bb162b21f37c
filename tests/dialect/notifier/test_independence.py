"""The dialect stands on the notifier's seams alone, and the notifier knows nothing of it."""

import ast
from collections.abc import Iterator
from pathlib import Path

from grimp import build_graph

HERE = Path(__file__).parent
SEAMS = {
    "services.notifier.connections.auth",
    "services.notifier.connections.client_connection",
    "services.notifier.connections.close",
    "services.notifier.connections.registry",
    "services.notifier.connections.transport",
    "services.notifier.events.item",
    "services.notifier.events.outcomes",
    "services.notifier.transports.websocket.writer",
}
"""What a transport is made of. No other transport is among it."""


def imported() -> Iterator[str]:
    """Every module that the dialect imports."""
    for path in HERE.glob("*.py"):
        if not path.name.startswith("test_"):
            for node in ast.walk(ast.parse(path.read_text())):
                if isinstance(node, ast.ImportFrom):
                    yield node.module or ""
                elif isinstance(node, ast.Import):
                    yield from (name.name for name in node.names)


def test_it_stands_on_the_seams() -> None:
    assert {name for name in imported() if name.startswith("services.")} == SEAMS


def test_no_program_imports_a_test() -> None:
    graph = build_graph("services", "shared", "headrace", include_external_packages=True, cache_dir=None)
    assert "starlette" in graph.modules
    assert "tests" not in graph.modules
