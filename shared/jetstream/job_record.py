"""Folds a job's stored events into the record that clients see."""

from collections.abc import Iterable

from shared.contract.codec import UndecodableError, UnknownTagError
from shared.domain.record import JobRecord, fold
from shared.jetstream.job_history import NewerEventError
from shared.jetstream.stored_message import Entry
from shared.observability import metrics
from shared.observability.logs import get_logger

logger = get_logger(__name__)


def record_of(entries: Iterable[Entry], *, reader: str) -> JobRecord | None:
    """The job's record; events of newer versions are skipped, as in the view.

    None if there is no job. Raises NewerEventError if the job's first event is of a newer version. `reader`
    is a metrics label.
    """
    record: JobRecord | None = None
    newer: NewerEventError | None = None
    for entry in entries:
        try:
            record = fold(record, entry.event(), entry.sequence)
        except UnknownTagError as error:
            metrics.UNKNOWN.labels(reader=reader).inc()
            logger.warning("newer_event", sequence=entry.sequence, tag=str(error))
            newer = newer or NewerEventError(entry.sequence, str(error))
        except UndecodableError as error:
            logger.warning("entry_not_folded", sequence=entry.sequence, why=str(error))
    if record is None and newer is not None:
        raise newer
    return record
