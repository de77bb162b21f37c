#!/usr/bin/env python3
"""Serves the pages of a folder, and a token of Headrace to the user who has one open.

A platform has both already: pages, and users who logged in. It signs the token itself, for the id of that
user (docs/tokens.md). Here every visitor is the user of the command line, and the local stack issues the
token.
"""

import argparse
import json
import subprocess
import sys
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any


class Page(SimpleHTTPRequestHandler):
    """The files of a folder, and `/session`."""

    def __init__(self, *arguments: Any, folder: Path, api: str, user: str) -> None:  # noqa: ANN401 - what the server gives
        """`api` is where browsers reach Headrace."""
        self.api = api
        self.user = user
        super().__init__(*arguments, directory=str(folder))

    def do_GET(self) -> None:
        """A token for each asking; browsers keep it for less than it is good for."""
        if self.path != "/session":
            return super().do_GET()
        body = json.dumps({"api": self.api, "token": token_of(self.user)}).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Cache-Control", "no-store")
        self.end_headers()
        self.wfile.write(body)
        return None


def token_of(user: str) -> str:
    """For an hour, to run programs and no more."""
    command = [sys.executable, "-m", "headrace", "token", user, "--hours", "1"]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()  # noqa: S603 - our own words


def main() -> None:
    """Serve until Ctrl-C."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("folder", type=Path)
    options.add_argument("user", nargs="?", default="student")
    options.add_argument("--port", type=int, default=8000)
    options.add_argument("--api", default="http://127.0.0.1:8070")
    chosen = options.parse_args()
    page = partial(Page, folder=chosen.folder, api=chosen.api, user=chosen.user)
    with ThreadingHTTPServer(("127.0.0.1", chosen.port), page) as server:
        print(f"http://127.0.0.1:{server.server_port}/", flush=True)
        server.serve_forever()


if __name__ == "__main__":
    main()
