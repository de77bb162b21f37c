"""Puts the api together: the application, its parts, and its server."""

from collections.abc import Collection
from functools import partial

from fastapi import FastAPI
from starlette.middleware.cors import CORSMiddleware

from services.api import openapi, pages, problems
from services.api.admission import user_id_of
from services.api.artifacts import Artifacts
from services.api.audit import Audit
from services.api.bodies import RequestBodies
from services.api.bounds import maxima
from services.api.bucket import Bucket
from services.api.catalogue import Catalogue
from services.api.cut_off import CutOff
from services.api.dead_letters import DeadLetters
from services.api.erasures import Erasures
from services.api.large_answers import LargeAnswers
from services.api.outlook import Outlook
from services.api.parts import Parts
from services.api.queries import Queries
from services.api.quotas import Quotas
from services.api.routes import artifacts, dead_letters, events, jobs, languages, sessions, usage, users
from services.api.sessions import Sessions, session_bytes
from services.api.settings import ApiSettings
from services.api.standing import Standing
from services.api.stores import Counted, Store
from services.api.submissions import Submissions
from services.api.usage import Usage
from services.api.waiting import Waiting
from shared.access_log import AccessLog
from shared.broker import Broker, connect
from shared.cancellations import Cancellations
from shared.follow import Follower
from shared.http_server.server import listen_at, serve_http
from shared.log import Log
from shared.objects import Objects
from shared.request_ids import RequestIds
from shared.service import Service
from shared.streams import executor_floor
from shared.subjects import (
    ARTIFACTS,
    EXPIRED_KIND,
    JOBS,
    QUEUED_SUBJECTS,
    SESSIONS,
    TERMINAL_KINDS,
    events_of_kind,
)
from shared.tokens import Tokens
from shared.version import VERSION

LOG_RESERVE_PARTS = 4
"""A quarter of the log is no user's share: events of accepted jobs, and tombstones, always find room."""

ASKED_WITH = (
    *("Authorization", "Content-Type", "Idempotency-Key", "If-Match", "If-None-Match"),
    *("Prefer", "X-Request-Id", "traceparent"),
)
"""What a page of another origin may send besides what every page may."""


def create_app(
    service: Service, settings: ApiSettings, tokens: Tokens, broker: Broker, standing: Standing
) -> FastAPI:
    """The application over one broker connection, which somebody else keeps `standing` up to date by."""
    app = FastAPI(
        title="Headrace",
        version=VERSION,
        description=(
            "Runs untrusted programs and keeps the whole story of every run. Clients must accept fields that "
            "are not here, and values that a schema does not list where it has `x-extensible-enum`: a later "
            "version may answer others. What a request may hold is listed whole (`enum`)."
        ),
        docs_url=None,
        redoc_url=None,
        generate_unique_id_function=lambda route: route.name,
    )
    log = Log(broker)
    catalogue = Catalogue(log)
    queries = Queries(broker, log)
    quotas = Quotas(standing, settings)
    bucket = Bucket(broker, log, SESSIONS)
    log_store = Store(broker, JOBS, partial(_log_bytes, queries), name="log", reserve_parts=LOG_RESERVE_PARTS)
    session_store = Store(broker, SESSIONS, partial(session_bytes, bucket), name="sessions")
    submissions = Submissions(log, catalogue, standing, quotas, log_store, settings)
    waiting = Waiting(standing, queries, settings)
    app.state.tokens = tokens
    app.state.parts = Parts(
        submissions=submissions,
        cancellations=Cancellations(log, patience_s=settings.append_patience_s),
        queries=queries,
        audit=Audit(broker, log),
        artifacts=Artifacts(queries, Objects(broker, log, ARTIFACTS)),
        catalogue=catalogue,
        quotas=quotas,
        dead_letters=DeadLetters(log, queries, patience_s=settings.append_patience_s),
        erasures=Erasures(broker, log, bucket, settings),
        sessions=Sessions(bucket, log, submissions, session_store, settings),
        waiting=waiting,
        outlook=Outlook(standing, catalogue, settings),
        usage=Usage(broker, queries, standing, waiting, (log_store, session_store), settings),
    )
    app.include_router(jobs.submitting)
    for resource in (jobs, sessions, artifacts, events, languages, usage, dead_letters, users):
        app.include_router(resource.router)
    app.router.routes.extend(service.routes())
    pages.install(app, settings.events_url)
    problems.install(app)
    openapi.install(app, maxima(settings))
    app.add_middleware(RequestBodies, tokens=tokens, settings=settings)
    app.add_middleware(LargeAnswers, settings=settings)
    app.add_middleware(CutOff)
    app.add_middleware(AccessLog, share=settings.access_log_share, user_of=user_id_of)
    # Added last, so it wraps everything: every answer carries its request id.
    app.add_middleware(RequestIds)
    if settings.origins:
        _answer_pages_of(app, settings.origins)
    return app


async def _log_bytes(queries: Queries, user_id: str) -> Counted | None:
    usage = await queries.usage(user_id)
    return None if usage is None else Counted(usage.log_bytes, through=usage.checkpoint)


def _answer_pages_of(app: FastAPI, origins: Collection[str]) -> None:
    """Let pages of these origins call and read everything, problems too. No cookie proves anything here."""
    app.add_middleware(
        CORSMiddleware,
        allow_origins=sorted(origins),
        allow_methods=["GET", "POST", "PUT", "DELETE"],
        allow_headers=list(ASKED_WITH),
        expose_headers=list(openapi.HEADERS),
    )


async def run(service: Service, settings: ApiSettings) -> None:
    """Serve until told to stop."""
    tokens = Tokens(settings)
    service.check("token_keys", tokens.why_no_keys)
    async with connect(settings, service="api") as broker:
        service.watch_broker(broker)
        standing = Standing()
        follower = Follower(
            broker,
            JOBS,
            standing.follow,
            after=await executor_floor(broker),
            # A tombstone ends a job too, for who finds its terminal event gone.
            subjects=(QUEUED_SUBJECTS, *map(events_of_kind, (*TERMINAL_KINDS, EXPIRED_KIND))),
            without_payloads=True,
            service="api",
        )
        service.watch_follower("log", follower.progress)
        app = create_app(service, settings, tokens, broker, standing)
        listener = listen_at(settings, "api")
        await service.run(
            broker,
            follower.run(),
            tokens.keep_keys(),
            _close_at_end(service, standing),
            serve_http(app, listener, settings, service="api"),
        )


async def _close_at_end(service: Service, standing: Standing) -> None:
    """Requests that wait are answered at once when the service stops, while there is still time to."""
    try:
        await service.stopping.wait()
    finally:
        standing.close()
