"""Puts the api together: the application, its parts, and its server."""

from fastapi import FastAPI

from services.api import problems
from services.api.artifacts import Artifacts
from services.api.catalogue import Catalogue
from services.api.context import RequestIds
from services.api.parts import Parts
from services.api.queries import Queries
from services.api.routes import artifacts, events, jobs, languages
from services.api.settings import ApiSettings
from services.api.submissions import Submissions
from shared.broker import Broker, connect
from shared.cancellations import Cancellations
from shared.log import Log
from shared.objects import Objects
from shared.service import Service, listen, serve_http
from shared.subjects import ARTIFACTS
from shared.tokens import Tokens


def create_app(service: Service, settings: ApiSettings, tokens: Tokens, broker: Broker) -> FastAPI:
    """The application over one broker connection."""
    app = FastAPI(title="Headrace", version="1", docs_url="/docs", redoc_url=None)
    log = Log(broker)
    catalogue = Catalogue(log)
    queries = Queries(broker, log)
    app.state.tokens = tokens
    app.state.parts = Parts(
        submissions=Submissions(log, catalogue, settings),
        cancellations=Cancellations(log, patience_s=settings.append_patience_s),
        queries=queries,
        artifacts=Artifacts(queries, Objects(broker, log, ARTIFACTS)),
        catalogue=catalogue,
    )
    for resource in (jobs, artifacts, events, languages):
        app.include_router(resource.router)
    app.router.routes.extend(service.routes())
    problems.install(app)
    app.add_middleware(problems.BodyLimit, bytes_max=settings.body_bytes_max)
    # Added last, so it wraps everything: every answer carries its request id.
    app.add_middleware(RequestIds)
    return app


async def run(service: Service, settings: ApiSettings) -> None:
    """Serve until told to stop."""
    tokens = Tokens(settings)
    async with connect(settings, service="api") as broker:
        service.watch_broker(broker)
        app = create_app(service, settings, tokens, broker)
        listener = listen(settings.api_host, settings.api_port)
        await service.run(broker, serve_http(app, listener, service="api"))
