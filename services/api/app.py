"""Puts the api together: the application, its parts, and its server."""

from collections.abc import Collection
from functools import partial

from fastapi import FastAPI
from starlette.middleware.cors import CORSMiddleware

from services.api.artifacts import routes as artifacts
from services.api.artifacts.service import Artifacts
from services.api.audit import routes as events
from services.api.audit.event_reader import Audit
from services.api.dependencies import ApiDependencies
from services.api.http import front_page, problems
from services.api.http.auth import user_id_of
from services.api.http.large_responses import LargeAnswers
from services.api.http.openapi import document
from services.api.http.request_bodies import RequestBodies
from services.api.http.shutdown_middleware import ShutdownMiddleware
from services.api.jobs import routes as jobs
from services.api.jobs.limit_policy import maxima
from services.api.jobs.queries import Queries
from services.api.jobs.submit import Submissions
from services.api.jobs.wait import JobWaiter
from services.api.jobs.waiting_reason import Outlook
from services.api.languages import routes as languages
from services.api.languages.catalogue import Catalogue
from services.api.operators import dead_letter_routes as dead_letters
from services.api.operators import erasure_routes as users
from services.api.operators.dead_letters import DeadLetters
from services.api.operators.erasures import Erasures
from services.api.quotas import routes as usage
from services.api.quotas.quotas import Quotas
from services.api.quotas.stored_bytes import Counted, Store
from services.api.quotas.unfinished_jobs import UnfinishedJobs
from services.api.quotas.usage import Usage
from services.api.sessions import routes as sessions
from services.api.sessions.kv_bucket import Bucket
from services.api.sessions.service import Sessions, session_bytes
from services.api.settings import ApiSettings
from shared.auth import Tokens
from shared.contract.subjects import (
    ARTIFACTS,
    EXPIRED_KIND,
    JOBS,
    QUEUED_SUBJECTS,
    SESSIONS,
    TERMINAL_KINDS,
    events_of_kind,
)
from shared.jetstream.cancel import Cancellations
from shared.jetstream.connection import Broker, connect
from shared.jetstream.event_log import Log
from shared.jetstream.follower import Follower
from shared.jetstream.object_store import Objects
from shared.provision import executor_floor
from shared.service.access_log import AccessLog
from shared.service.http_server.server import listen_at, serve_http
from shared.service.request_ids import RequestIds
from shared.service.runtime import Service
from shared.version import VERSION

LOG_RESERVE_PARTS = 4
"""A quarter of the log is no user's share: events of accepted jobs, and tombstones, always find room."""

ASKED_WITH = (
    *("Authorization", "Content-Type", "Idempotency-Key", "If-Match", "If-None-Match"),
    *("Prefer", "X-Request-Id", "traceparent"),
)
"""What a page of another origin may send besides what every page may."""


def create_app(
    service: Service, settings: ApiSettings, tokens: Tokens, broker: Broker, standing: UnfinishedJobs
) -> FastAPI:
    """The application over one broker connection, which somebody else keeps `standing` up to date by."""
    app = FastAPI(
        title="Headrace",
        version=VERSION,
        description="Runs untrusted programs and keeps the whole story of every run.",
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
    waiting = JobWaiter(standing, queries, settings)
    app.state.tokens = tokens
    app.state.parts = ApiDependencies(
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
    front_page.install(app, settings.events_url)
    problems.install(app)
    document.install(app, maxima(settings))
    app.add_middleware(RequestBodies, tokens=tokens, settings=settings)
    app.add_middleware(LargeAnswers, settings=settings)
    app.add_middleware(ShutdownMiddleware)
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
        expose_headers=list(document.HEADERS),
    )


async def run(service: Service, settings: ApiSettings) -> None:
    """Serve until told to stop."""
    tokens = Tokens(settings)
    service.check("token_keys", tokens.why_no_keys)
    async with connect(settings, service="api") as broker:
        service.watch_broker(broker)
        standing = UnfinishedJobs()
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


async def _close_at_end(service: Service, standing: UnfinishedJobs) -> None:
    """Requests that wait are answered at once when the service stops, while there is still time to."""
    try:
        await service.stopping.wait()
    finally:
        standing.close()
