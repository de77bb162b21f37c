"""Responses about a job's files."""

from shared.domain.contract_struct import ContractStruct
from shared.domain.result import Artifact, SkippedArtifact


class Artifacts(ContractStruct, frozen=True, kw_only=True):
    """What was kept of a job's files, and what was not."""

    artifacts: tuple[Artifact, ...]
    """The files that were kept."""
    skipped: tuple[SkippedArtifact, ...]
    """The files that were asked for and are not kept."""
