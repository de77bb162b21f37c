"""What cells share on a host is said in sentences."""

from pathlib import Path

import pytest

from services.executor import shared_by_cells
from services.executor.sandbox.settings import SandboxSettings
from services.executor.shared_by_cells import NO_GROUP, ONE_UID, PIPES_HARD, STRICT_COMMIT, shares
from shared.domain.events import Isolation

FULL = Isolation(cgroup="v2", uid=60_932, uids=252)
WHY = f"{ONE_UID} (the setting uids is 1)"
ONE = Isolation(cgroup="v2", uid=1000)


@pytest.mark.parametrize(
    ("facts", "settings", "said"),
    [
        (FULL, {}, []),
        (ONE, {}, [WHY]),
        (ONE, {"fs/pipe-user-pages-hard": "16384"}, [WHY, PIPES_HARD]),
        (FULL, {"fs/pipe-user-pages-hard": "16384"}, []),
        (Isolation(uid=60_932, uids=252), {}, [NO_GROUP]),
        (FULL, {"vm/overcommit_memory": "2"}, [STRICT_COMMIT]),
        (FULL, {"vm/overcommit_memory": "1"}, []),
    ],
)
def test_what_is_said(
    facts: Isolation,
    settings: dict[str, str],
    said: list[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(shared_by_cells, "shortfalls", lambda: ["few files"])
    for name, value in settings.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(value + "\n")
    assert shares(facts, SandboxSettings(uids=1), tmp_path) == ["few files", *said]
