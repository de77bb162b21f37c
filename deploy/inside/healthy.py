"""``python -m deploy.healthy``: end with 0 if the service in this container says that it is ready."""

import http.client
import os
import sys

TIMEOUT_S = 4


def main() -> None:
    """Ask /readyz, and print why not. All services of the images listen on one port."""
    connection = http.client.HTTPConnection(
        "127.0.0.1", int(os.environ["HEADRACE_HEALTH_PORT"]), timeout=TIMEOUT_S
    )
    try:
        connection.request("GET", "/readyz")
        answer = connection.getresponse()
        said = answer.read().decode(errors="replace")
    except (OSError, http.client.HTTPException) as error:
        sys.exit(f"no answer: {error}")
    if answer.status != http.client.OK:
        sys.exit(said)


if __name__ == "__main__":
    main()
