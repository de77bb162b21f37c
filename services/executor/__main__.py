"""``python -m services.executor``: run the executor; ``… facts``: only tell what it would find here."""

import asyncio
import sys

from shared.importing import importing

if __name__ == "__main__":
    with importing():
        from services.executor.app import run
        from services.executor.host_report import tell
        from services.executor.settings import ExecutorSettings
        from shared.observability.logs import configure
        from shared.service.runtime import start
        from shared.settings import EXIT_SETTINGS, SettingsError, load

    match sys.argv[1:]:
        case []:
            start("executor", ExecutorSettings, run)
        case ["facts"]:
            # Standard output is for the facts alone.
            configure("executor")
            try:
                sys.exit(asyncio.run(tell(load(ExecutorSettings))))
            except SettingsError as error:
                sys.stderr.write(f"executor: {error}\n")
                sys.exit(EXIT_SETTINGS)
        case _:
            sys.exit("usage: python -m services.executor [facts]")
