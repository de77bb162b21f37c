"""How much memory an executor may use, and how many interactive programs it runs by default."""

from pathlib import Path

import pytest

from services.executor import settings
from services.executor.host_memory import memory_bytes
from services.executor.settings import INTERACTIVE_SLOTS_MOST, ExecutorSettings

GIB = 2**30


@pytest.mark.parametrize(
    ("texts", "is_limited"), [(["max\n"], False), ([f"{GIB}\n"], True), (["x", f"{GIB}"], True), ([], False)]
)
def test_the_smallest_limit_holds(tmp_path: Path, texts: list[str], *, is_limited: bool) -> None:
    paths = []
    for number, text in enumerate(texts):
        paths.append(tmp_path / str(number))
        paths[-1].write_text(text)
    found = memory_bytes((*paths, tmp_path / "none"))
    assert (found == GIB) == is_limited
    assert found >= GIB


@pytest.mark.parametrize(("memory", "slots"), [(GIB // 4, 0), (4 * GIB, 8), (2**40, INTERACTIVE_SLOTS_MOST)])
def test_interactive_programs_have_half_of_it(
    monkeypatch: pytest.MonkeyPatch, memory: int, slots: int
) -> None:
    monkeypatch.setattr(settings, "memory_bytes", lambda: memory)
    assert ExecutorSettings(executor_id="x").interactive_slots == slots
