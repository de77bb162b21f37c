"""``python -m shared.auth USER``: issues a token and writes it, and nothing else, to standard output.

For manual deployments and containers; a local stack has `headrace token`. The signing secret
(HEADRACE_TOKEN_SECRET or its file), the issuer and the audience come from the environment.
"""

import argparse
import sys
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from shared.auth import SCOPE_JOBS, TokenError, Tokens
from shared.auth.claims import SCOPES
from shared.contract.subjects import SubjectError
from shared.settings import SettingsError, TokenSettings, load

HOURS_MAX = 24 * 3_660


def main(arguments: Sequence[str] | None = None) -> None:
    """Issue the token. Exits with 2 and one line on standard error if that fails."""
    options = _parser().parse_args(arguments)
    try:
        issued = Tokens(load(TokenSettings)).issue(
            options.user,
            lifetime=timedelta(hours=options.hours),
            now=datetime.now(UTC),
            scopes=frozenset(options.scope or {SCOPE_JOBS}),
            concurrency=options.concurrency,
        )
    except (SettingsError, SubjectError, TokenError) as error:
        sys.stderr.write(f"token: {error}\n")
        sys.exit(2)
    sys.stdout.write(issued + "\n")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m shared.auth", description="Issue a token of our own.", allow_abbrev=False
    )
    parser.add_argument("user", help="the user id")
    parser.add_argument("--hours", type=_hours, default=24.0, help="how long it is valid (24)")
    parser.add_argument(
        "--scope", action="append", choices=sorted(SCOPES), help="may be repeated; jobs without one"
    )
    parser.add_argument("--concurrency", type=_positive, default=1, help="jobs that may run at a time (1)")
    return parser


def _hours(text: str) -> float:
    hours = float(text)
    if not 0 < hours <= HOURS_MAX:
        raise argparse.ArgumentTypeError(f"it must be above 0 and at most {HOURS_MAX}")
    return hours


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError("it must be at least 1")
    return number


if __name__ == "__main__":
    main()
