"""``python -m services.projector`` maintains a view and answers from it; with ``rebuild`` it rebuilds it."""

import sys

from services.projector.projector import Projector
from services.projector.rebuild import run_rebuild
from services.projector.settings import ProjectorSettings
from services.projector.view_file import hold_view
from shared.jetstream.connection import connect
from shared.service.runtime import Service, start


async def run(service: Service, settings: ProjectorSettings) -> None:
    """Hold the view and project until told to stop."""
    with hold_view(settings.view_file):
        async with connect(settings, service="projector") as broker:
            projector = Projector(
                broker,
                settings.view_file,
                tombstone_s=settings.tombstone_s,
                sweep_s=settings.sweep_s,
            )
            service.watch_broker(broker)
            service.check("view", projector.unready_reason, projector.diagnostics)
            await service.run(broker, service.serve_health(settings), projector.run())


if __name__ == "__main__":
    match sys.argv[1:]:
        case []:
            start("projector", ProjectorSettings, run)
        case ["rebuild"]:
            start("projector", ProjectorSettings, run_rebuild)
        case _:
            sys.exit("usage: python -m services.projector [rebuild]")
