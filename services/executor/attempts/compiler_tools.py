"""Loads the compilers' own tools: read from the folder of languages, or built there once.

A tool that must itself be compiled is compiled in a cell, when the first program of its language needs it,
and kept for the lifetime of the executor.
"""

import asyncio
from collections import defaultdict

from services.executor.languages.catalogue import Language
from services.executor.languages.stages import prepare_stage, tool_files
from services.executor.sandbox.interface import CellError, CellFile, RejectedError, Sandbox, SandboxError
from shared.domain.enumerations import StreamName


class Tools:
    """The tools of each language, as its compile stage finds them."""

    def __init__(self, sandbox: Sandbox) -> None:
        """Defer reading and building."""
        self._sandbox = sandbox
        self._made: dict[str, tuple[CellFile, ...]] = {}
        self._making: dict[str, asyncio.Lock] = defaultdict(asyncio.Lock)

    async def of(self, language: Language) -> tuple[CellFile, ...]:
        """All of a language's tools. Raises CellError if they cannot be built here."""
        if language.name not in self._made:
            async with self._making[language.name]:
                if language.name not in self._made:
                    self._made[language.name] = await self._make(language)
        return self._made[language.name]

    async def _make(self, language: Language) -> tuple[CellFile, ...]:
        stage = prepare_stage(language)
        if stage is None:
            return tool_files(language)
        printed = bytearray()

        def listen(_stream: StreamName, piece: bytes) -> None:
            printed.extend(piece)

        try:
            verdict = await self._sandbox.run(stage, output=listen, stop=asyncio.Event())
        except (RejectedError, SandboxError) as error:
            raise CellError(f"the tools of {language.name} cannot be made: {error}") from error
        if verdict.kept is None or stage.keep is None:
            why = printed.decode(errors="replace").strip()
            raise CellError(f"the tools of {language.name} could not be made: {why}; {verdict}")
        return (CellFile(stage.keep, verdict.kept),)
