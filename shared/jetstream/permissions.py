"""The NATS permissions of each service: exactly what its code uses (docs/security-of-the-log.md).

The configuration of every server, deployed or local, is generated from this table. A NATS user has the name
of its service, and its inboxes begin with that name, so no service receives another's replies.
"""

from dataclasses import dataclass

from shared.contract.subjects import (
    ARTIFACTS,
    DEAD,
    DEAD_ADVISORIES,
    EXECUTOR_DURABLE,
    EXECUTOR_SUBJECTS,
    EXECUTORS,
    EXPIRED_KIND,
    FEED,
    FEED_SUBJECTS,
    FILES,
    INPUT,
    INPUT_SUBJECTS,
    JOBS,
    JOBS_SUBJECTS,
    LANGUAGE_SUBJECTS,
    LANGUAGES,
    QUEUED_SUBJECTS,
    SESSIONS,
    SESSIONS_SUBJECTS,
    TERMINAL_KINDS,
    VIEW_DEAD,
    VIEW_JOB,
    VIEW_JOBS,
    VIEW_QUEUE,
    VIEW_STATS,
    VIEW_USAGE,
    events_of_kind,
    objects_stream,
    objects_subjects,
)

LEFT = objects_stream(ARTIFACTS)
UPLOADED = objects_stream(FILES)
STREAMS = (JOBS, DEAD, FEED, INPUT, EXECUTORS, LANGUAGES, SESSIONS, LEFT, UPLOADED)


@dataclass(frozen=True, slots=True)
class Rights:
    """Subjects that one NATS user may publish to, with exceptions, and may subscribe to."""

    publish: tuple[str, ...]
    subscribe: tuple[str, ...]
    denied: tuple[str, ...] = ()


def _api(*operations: str) -> tuple[str, ...]:
    return tuple(f"$JS.API.{operation}" for operation in operations)


def _events(*kinds: str) -> tuple[str, ...]:
    return tuple(events_of_kind(kind) for kind in kinds)


def _reads(stream: str) -> tuple[str, ...]:
    """Reads of single messages and ranges (`shared.jetstream.event_log`)."""
    return _api(f"STREAM.MSG.GET.{stream}", f"DIRECT.GET.{stream}")


def _follows(stream: str) -> tuple[str, ...]:
    """An ephemeral named consumer (`jetstream.follower`); its name lets the durable's name be denied."""
    return (
        *_reads(stream),
        *_api(
            f"STREAM.INFO.{stream}",
            f"CONSUMER.CREATE.{stream}.*",
            f"CONSUMER.MSG.NEXT.{stream}.*",
            f"CONSUMER.DELETE.{stream}.*",
        ),
    )


def _takes_input() -> tuple[str, ...]:
    """Stores input of jobs, and removes it with its job (`jetstream.input_log`)."""
    return INPUT_SUBJECTS, *_reads(INPUT), *_api(f"STREAM.PURGE.{INPUT}")


_DURABLE = f"{JOBS}.{EXECUTOR_DURABLE}"
_CHANGING_THE_DURABLE = _api(f"CONSUMER.CREATE.{_DURABLE}", f"CONSUMER.DELETE.{_DURABLE}")
_TAKING_FROM_THE_DURABLE = (*_CHANGING_THE_DURABLE, *_api(f"CONSUMER.MSG.NEXT.{_DURABLE}"))

RIGHTS = {
    # Creates and updates streams and the durable; deletes only streams whose content may be lost.
    "provisioner": Rights(
        publish=(
            *_api(
                *(f"STREAM.{what}.{stream}" for stream in STREAMS for what in ("INFO", "CREATE", "UPDATE"))
            ),
            # Recreated when one replica becomes three: their content may be lost.
            *_api(f"STREAM.DELETE.{FEED}", f"STREAM.DELETE.{EXECUTORS}"),
            *_api(f"CONSUMER.INFO.{_DURABLE}", f"CONSUMER.CREATE.{_DURABLE}.{QUEUED_SUBJECTS}"),
        ),
        subscribe=("_INBOX_provisioner.>",),
    ),
    "api": Rights(
        publish=(
            *_events("queued", "cancel_requested", "cancelled", EXPIRED_KIND),
            SESSIONS_SUBJECTS,
            VIEW_JOB,
            VIEW_JOBS,
            VIEW_DEAD,
            VIEW_USAGE,
            *_follows(JOBS),
            # The sequence from which the api counts unfinished jobs.
            *_api(f"CONSUMER.INFO.{_DURABLE}"),
            *_takes_input(),
            *_reads(DEAD),
            *_api(f"DIRECT.GET.{EXECUTORS}", f"DIRECT.GET.{LANGUAGES}"),
            *_reads(LEFT),
            *_reads(UPLOADED),
            *objects_subjects(FILES),
            # How full they are, for the users' shares.
            *_api(f"STREAM.INFO.{LEFT}", f"STREAM.INFO.{UPLOADED}"),
            # Uploads that broke off, and files that were removed.
            *_api(f"STREAM.PURGE.{UPLOADED}"),
            *_reads(SESSIONS),
            *_api(
                f"STREAM.INFO.{SESSIONS}",
                f"CONSUMER.CREATE.{SESSIONS}.*.{SESSIONS_SUBJECTS}",
                f"CONSUMER.MSG.NEXT.{SESSIONS}.*",
                f"CONSUMER.DELETE.{SESSIONS}.*",
                # Deleted sessions; sessions and notes of an erased user.
                f"STREAM.PURGE.{SESSIONS}",
                f"STREAM.PURGE.{FEED}",
            ),
        ),
        denied=_TAKING_FROM_THE_DURABLE,
        subscribe=("_INBOX_api.>",),
    ),
    "executor": Rights(
        publish=(
            *_events("running", *TERMINAL_KINDS),
            "feed.*.*.output",
            "feed.*.*.progress",
            *(f"feed.*.*.{kind}" for kind in ("input", "resized", "signalled")),
            # How full the feed is.
            *_api(f"STREAM.INFO.{FEED}"),
            EXECUTOR_SUBJECTS,
            LANGUAGE_SUBJECTS,
            *objects_subjects(ARTIFACTS),
            # What a user holds of that store, and how full it is.
            VIEW_USAGE,
            *_api(f"STREAM.INFO.{LEFT}"),
            *_follows(JOBS),
            *_api(f"CONSUMER.INFO.{_DURABLE}"),
            # Acknowledgements, in the form of this server and in that of the next.
            f"$JS.ACK.{_DURABLE}.>",
            f"$JS.ACK.*.*.{_DURABLE}.>",
            # Gives programs their input, which leaves with its job.
            *_follows(INPUT),
            *_api(f"STREAM.PURGE.{INPUT}"),
            # Purges files that were half stored, or that belong to a fenced attempt.
            *_api(f"STREAM.PURGE.{LEFT}"),
            # Files that submissions name.
            *_reads(LEFT),
            *_reads(UPLOADED),
        ),
        denied=_CHANGING_THE_DURABLE,
        subscribe=("_INBOX_executor.>",),
    ),
    "projector": Rights(
        publish=(
            *_events(EXPIRED_KIND),
            *_follows(JOBS),
            # Removes the events and files of an expired job.
            *_api(f"STREAM.PURGE.{JOBS}", f"STREAM.MSG.GET.{LEFT}", f"STREAM.PURGE.{LEFT}"),
            # Replies to requests. Inboxes of followers have one token, and none can be guessed.
            "_INBOX_api.*.*",
            "_INBOX_executor.*.*",
        ),
        denied=_TAKING_FROM_THE_DURABLE,
        subscribe=(
            "_INBOX_projector.>",
            *(
                f"{subject} {VIEW_QUEUE}"
                for subject in (VIEW_JOB, VIEW_JOBS, VIEW_STATS, VIEW_DEAD, VIEW_USAGE)
            ),
        ),
    ),
    "notifier": Rights(
        publish=(
            *_events("cancel_requested", "cancelled"),
            *_takes_input(),
            *_follows(JOBS),
            *_follows(FEED),
        ),
        denied=_TAKING_FROM_THE_DURABLE,
        subscribe=("_INBOX_notifier.>",),
    ),
    # For people who watch. It gets no JetStream API: each request names the subject that its reply goes to.
    "observer": Rights(publish=(), subscribe=(JOBS_SUBJECTS, FEED_SUBJECTS, DEAD_ADVISORIES)),
}
"""By the name of the NATS user."""
