"""``python -m tests.faults.check FILE``: judges a history that was written before; exits with 1 if bad."""

import sys
from pathlib import Path

from tests.faults.checker import check
from tests.faults.history_file import read
from tests.faults.report import report


def main() -> None:
    """Read, judge, tell."""
    history = read(Path(sys.argv[1]))
    verdict = check(history)
    sys.stdout.write(report(history, verdict))
    sys.exit(1 if verdict.violations else 0)


if __name__ == "__main__":
    main()
