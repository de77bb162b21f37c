"""What fails again in the same way is told once and counted, and nothing grows with the tries."""

from shared.observability.repeated import KINDS_MAX, Repeated


def test_each_kind_is_told_once_and_all_are_counted() -> None:
    repeated = Repeated()
    told = [text for text in ("refused", "refused", "timeout", "refused") if repeated.is_new(text)]
    assert told == ["refused", "timeout"]
    assert repeated.take() == 4
    assert repeated.take() == 0
    assert repeated.is_new("refused")


def test_texts_that_always_differ_are_not_all_remembered() -> None:
    repeated = Repeated()
    assert all(repeated.is_new(str(number)) for number in range(10 * KINDS_MAX))
    assert len(repeated._seen) <= KINDS_MAX  # noqa: SLF001 - what it holds is its own
    assert repeated.take() == 10 * KINDS_MAX
