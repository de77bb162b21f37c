"""``python -m deploy.token USER [HOURS [CONCURRENCY]]``: a token, in a container that has the secret.

`python -m shared.auth` is there too, and has scopes.
"""

import sys
from datetime import UTC, datetime, timedelta

from shared.auth import TokenError, Tokens
from shared.contract.subjects import SubjectError
from shared.settings import SettingsError, TokenSettings, load

HOURS, CONCURRENCY = "24", "1"


def main(user: str, hours: str = HOURS, concurrency: str = CONCURRENCY) -> None:
    """Issue it, with no scope but that of every user."""
    try:
        tokens = Tokens(load(TokenSettings))
        lifetime, now = timedelta(hours=float(hours)), datetime.now(UTC)
        issued = tokens.issue(user, lifetime=lifetime, now=now, concurrency=int(concurrency))
        print(issued)  # noqa: T201 - its output
    except (SettingsError, SubjectError, TokenError, ValueError) as error:
        sys.exit(f"token: {error}")


if __name__ == "__main__":
    if len(sys.argv) not in {2, 3, 4}:
        sys.exit("usage: python -m deploy.token USER [HOURS [CONCURRENCY]]")
    main(*sys.argv[1:])
