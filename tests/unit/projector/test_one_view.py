"""However a history is cut into batches, repeated, and resumed, the view holds the same rows."""

from random import Random

from hypothesis import given
from hypothesis import strategies as st

from services.projector.rows import select_checkpoint
from services.projector.view import apply_entries
from shared.domain.record import JobRecord, fold
from shared.jetstream.stored_message import Entry
from tests.unit.projector.histories import POISON, empty_view, odd_entry, random_history, rows_of, stored


def with_poison(random: Random, entries: list[Entry]) -> list[Entry]:
    """The same, with some entries that cannot be decoded in places of their own."""
    return [odd_entry(entry.sequence, POISON) if random.random() < 0.05 else entry for entry in entries]


@given(seed=st.integers(0, 2**32), count=st.integers(1, 80))
def test_batches_of_any_size_with_repeats_equal_one_batch(seed: int, count: int) -> None:
    random = Random(seed)  # noqa: S311 - reproducible, not secret
    entries = with_poison(random, stored(random_history(random, count)))
    whole, pieces = empty_view(), empty_view()
    apply_entries(whole, entries)
    while (done := select_checkpoint(pieces).sequence) < count:
        begin = random.randrange(done + 1)
        apply_entries(pieces, entries[begin : done + random.randrange(1, 12)])
    assert rows_of(pieces) == rows_of(whole)
    whole.close()
    pieces.close()


@given(seed=st.integers(0, 2**32))
def test_totals_and_labels_are_those_of_the_records(seed: int) -> None:
    random = Random(seed)  # noqa: S311 - reproducible, not secret
    history = random_history(random, 60)
    records: dict[tuple[str, str], JobRecord | None] = {}
    for sequence, event in enumerate(history, 1):
        key = (event.user_id, event.job_id)
        records[key] = fold(records.get(key), event, sequence)
    found = [record for record in records.values() if record is not None]
    view = empty_view()
    apply_entries(view, stored(history))
    rows = rows_of(view)
    assert {status: count for status, count in rows["totals"] if count} == {
        status: sum(record.status == status for record in found)
        for status in {record.status for record in found}
    }
    assert set(rows["labels"]) == {
        (record.user_id, name, value, record.queued_sequence)
        for record in found
        for name, value in record.labels.items()
    }
    view.close()
