"""What a service does not import: packages that its libraries would import because they are installed."""

import subprocess
import sys

import pytest

from shared.left_out import left_out

UNUSED = ("aiohttp", "rich", "yarl")


@pytest.mark.parametrize("service", ["api", "executor", "notifier", "projector"])
def test_a_service_imports_no_client_of_http_and_no_terminal(service: str) -> None:
    program = f"import services.{service}.app, sys; print([name for name in {UNUSED} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)  # noqa: S603 - our own words
    assert done.stdout == "[]\n"


def test_what_is_left_out_can_be_imported_afterwards() -> None:
    program = (
        "from shared.left_out import left_out\n"
        "with left_out('colorsys'):\n"
        "    try:\n"
        "        import colorsys\n"
        "    except ModuleNotFoundError:\n"
        "        print('left out')\n"
        "import colorsys\n"
        "print(colorsys.__name__)\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)  # noqa: S603 - our own words
    assert done.stdout == "left out\ncolorsys\n"


def test_what_is_imported_already_stays() -> None:
    with left_out("subprocess"):
        import subprocess as again  # noqa: PLC0415 - that is what is tested

        assert again is subprocess
    assert sys.modules["subprocess"] is subprocess
