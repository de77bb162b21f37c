"""``python -m deploy.token USER [HOURS]``: print a user's token, in the container that has the secret."""

import sys
from datetime import UTC, datetime, timedelta

from shared.settings import SettingsError, TokenSettings, load
from shared.subjects import SubjectError
from shared.tokens import TokenError, Tokens

HOURS = "24"


def main(user: str, hours: str = HOURS) -> None:
    """Issue it, with no scope but that of every user."""
    try:
        tokens = Tokens(load(TokenSettings))
        print(tokens.issue(user, lifetime=timedelta(hours=float(hours)), now=datetime.now(UTC)))  # noqa: T201 - its output
    except (SettingsError, SubjectError, TokenError, ValueError) as error:
        sys.exit(f"token: {error}")


if __name__ == "__main__":
    if len(sys.argv) not in {2, 3}:
        sys.exit("usage: python -m deploy.token USER [HOURS]")
    main(*sys.argv[1:])
