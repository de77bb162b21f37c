"""Runs the projector: holds the view, projects, and answers from it."""

from services.projector.projector import Projector
from services.projector.settings import ProjectorSettings
from services.projector.view_file import hold_view
from shared.jetstream.connection import connect
from shared.service.runtime import Service


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
