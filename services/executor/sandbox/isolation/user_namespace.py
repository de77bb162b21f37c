"""Sets up the user namespace of a zygote, with one user or with all uids of its cells.

bubblewrap makes the namespace and waits at a gate until the executor writes its id maps, which takes
privileges that bubblewrap lacks. The zygote keeps two capabilities over its own namespace, to switch each
spawner to the next cell's user. The cells, in namespaces below it, have none.
"""

import contextlib
import os

from services.executor.sandbox.isolation import id_ranges
from services.executor.sandbox.isolation.filesystem import CELL_UID, own_user_arguments
from services.executor.sandbox.isolation.identities import Identities, SharedIdentity

GATE = "ZYGOTE_GATE"
"""The variable that names bubblewrap's end of the gate; the zygote closes it."""


class UserNamespace:
    """How bubblewrap makes the namespace. Call `open` once the process exists."""

    def __init__(
        self,
        identities: Identities | SharedIdentity,
        ours: contextlib.ExitStack,
        theirs: contextlib.ExitStack,
    ) -> None:
        """Make the gate; the two stacks close its ends."""
        self._identities = identities
        self._gate: int | None = None
        self.passed: tuple[int, ...] = ()
        self.arguments = own_user_arguments()
        if isinstance(identities, Identities):
            gate, self._gate = os.pipe()
            theirs.callback(os.close, gate)
            ours.callback(os.close, self._gate)
            self.passed = (gate, identities.lock)
            self.arguments = [
                *("--cap-add", "CAP_SETUID", "--cap-add", "CAP_SETGID"),
                *("--userns-block-fd", str(gate), "--setenv", GATE, str(gate)),
                *("--sync-fd", str(identities.lock)),
            ]

    @property
    def is_gated(self) -> bool:
        """Whether the process waits for its ids."""
        return self._gate is not None

    def open(self, pid: int) -> None:
        """Write the ids of the waiting process, and let it continue. Raises OSError."""
        assert self._gate is not None
        assert isinstance(self._identities, Identities)
        id_ranges.give(pid, CELL_UID, self._identities.ids)
        os.write(self._gate, b"\n")
