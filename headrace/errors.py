"""What can keep a call of the client from its answer.

::

    HeadraceError
    ├── ProblemAnswerError   the service said no; `document` is its problem+json
    ├── HistoryLostError     events that were asked for are not kept any more
    ├── UnreachableError     no answer; a submission with a key may be repeated
    └── ProtocolError        an answer that this version does not understand
"""

from collections.abc import Mapping
from typing import Any


class HeadraceError(Exception):
    """Anything that keeps a call from its answer."""


class ProblemAnswerError(HeadraceError):
    """The service refused; `document` is its problem+json."""

    def __init__(self, document: Mapping[str, Any]) -> None:
        """Keep the whole document."""
        super().__init__(f"{document.get('title')}: {document.get('detail')}")
        self.document = document


class HistoryLostError(HeadraceError):
    """Events that were asked for have left the log. Lost output alone is no error: the result holds it."""


class UnreachableError(HeadraceError):
    """No answer came."""


class ProtocolError(HeadraceError):
    """The answer is not one of this protocol."""
