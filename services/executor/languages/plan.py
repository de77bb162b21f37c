"""The plan of an attempt: the stages of its program, in order.

A language names its stages. Every stage but the last makes a product, a file that the next stage gets. All
else walks the plan, and depends neither on the number of stages nor on their names.
"""

from dataclasses import dataclass
from typing import assert_never

from services.executor.languages.catalogue import Language
from services.executor.languages.stages import Program, check_words, compile_stage, run_stage
from services.executor.sandbox.interface import CellFile, Stage
from shared.domain.enumerations import StageName


@dataclass(frozen=True, slots=True)
class Plan:
    """The stages of one program. `tools` are those of its language's compiler.

    Raises RejectedError for a word that the language does not let a submission add.
    """

    language: Language
    program: Program
    tools: tuple[CellFile, ...] = ()

    def __post_init__(self) -> None:
        """Check the words before any stage is made of them."""
        check_words(self.language, self.program)

    @property
    def names(self) -> tuple[StageName, ...]:
        """What the stages are called; never empty."""
        return self.language.stages

    def stage(self, position: int, product: bytes | None = None) -> Stage:
        """The stage at a position from 0 on, with the product of the stage before it; None for the first.

        Raises RejectedError if the stage needs a product and there is none.
        """
        name = self.names[position]
        match name:
            case "compile":
                return compile_stage(self.language, self.program, self.tools)
            case "run":
                return run_stage(self.language, self.program, product)
        assert_never(name)

    def percent(self, ended: int) -> int:
        """An attempt's progress when so many stages have ended: 0 to 100."""
        return 100 * ended // len(self.names)
