"""What ``import headrace`` gives, and when."""

import subprocess
import sys

import pytest

import headrace
from shared.version import VERSION


def test_every_name_is_there_and_no_other() -> None:
    assert {*headrace.__all__} <= {*dir(headrace)}
    for name in {*headrace.__all__} - {"__version__"}:
        assert getattr(headrace, name).__name__ == name
    assert headrace.__version__ == VERSION
    with pytest.raises(AttributeError, match="module 'headrace' has no attribute 'Clint'"):
        headrace.Clint  # type: ignore[attr-defined]  # noqa: B018 - it has not


def test_nothing_is_imported_before_it_is_used() -> None:
    program = (
        "import sys; before = set(sys.modules)\n"
        "import headrace.__main__\n"
        "print(*sorted(set(sys.modules) - before))\n"
        "from headrace import AsyncClient\n"
        "print('headrace.client.client' in sys.modules)\n"
    )
    said = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)  # noqa: S603 - our own program
    assert said.stdout.splitlines() == ["gc headrace headrace.__main__ shared shared.importing", "True"]
