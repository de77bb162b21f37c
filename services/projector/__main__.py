"""``python -m services.projector`` maintains a view and answers from it; with ``rebuild`` it rebuilds it."""

import sys

from shared.importing import importing

if __name__ == "__main__":
    with importing():
        from services.projector.app import run
        from services.projector.rebuild import run_rebuild
        from services.projector.settings import ProjectorSettings
        from shared.service.runtime import start

    match sys.argv[1:]:
        case []:
            start("projector", ProjectorSettings, run)
        case ["rebuild"]:
            start("projector", ProjectorSettings, run_rebuild)
        case _:
            sys.exit("usage: python -m services.projector [rebuild]")
