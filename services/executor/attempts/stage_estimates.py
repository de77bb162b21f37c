"""How long a stage of a language usually takes: a running mean of this executor's own measurements."""

from shared.domain.events import StageName

WEIGHT = 0.2
"""Of the newest measurement: recent programs say more of the next one than those of this morning."""


class Estimates:
    """Mean wall time per language and stage, in seconds."""

    def __init__(self) -> None:
        """Know nothing yet."""
        self._means: dict[tuple[str, StageName], float] = {}

    def seconds(self, language: str, stage: StageName) -> float | None:
        """The mean so far; None before the first measurement."""
        mean = self._means.get((language, stage))
        return None if mean is None else round(mean, 3)

    def learn(self, language: str, stage: StageName, seconds: float) -> None:
        """One more measurement."""
        mean = self._means.get((language, stage), seconds)
        self._means[language, stage] = mean + WEIGHT * (seconds - mean)
