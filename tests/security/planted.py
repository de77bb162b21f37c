"""What is planted around the executor: secrets that no program may read, and a file that none may change."""

import os
import secrets
import stat
from dataclasses import dataclass
from pathlib import Path

BEGINNING = "5up3r-"
"""How planted secrets begin. Programs may know it, to look for them; nobody tells them the rest."""
VARIABLE = "CANARY_SECRET"
CANARY_CONTENT = "nobody changes this\n"


@dataclass(frozen=True, slots=True)
class Planted:
    """One session's secrets. `hidden` are strings that must be in no event, output or log."""

    environment: dict[str, str]
    secret_file: Path
    canary_file: Path
    hidden: tuple[str, ...]
    _untouched: tuple[object, ...]

    def tampered(self) -> str | None:
        """What became of the canary file, if it is not as it was planted."""
        now = _state(self.canary_file)
        return None if now == self._untouched else f"the canary file was {self._untouched}, is {now}"

    def leaked(self, *told: str) -> str | None:
        """Which text holds a secret, if one does."""
        for text in told:
            for secret in self.hidden:
                if secret in text:
                    place = max(0, text.index(secret) - 80)
                    return f"a secret was told: {text[place : place + 80]!r}"
        return None


def secret() -> str:
    """A new one."""
    return BEGINNING + secrets.token_hex(16)


def plant(directory: Path, in_environment: str) -> Planted:
    """Plant files below `directory` for this user alone; `in_environment` is for the executor to hold."""
    directory.mkdir(mode=0o700, exist_ok=True)
    in_file = secret()
    secret_file, canary_file = directory / "secret", directory / "canary"
    secret_file.write_text(in_file)
    secret_file.chmod(0o600)
    canary_file.write_text(CANARY_CONTENT)
    canary_file.chmod(0o640)
    return Planted(
        environment={VARIABLE: in_environment},
        secret_file=secret_file,
        canary_file=canary_file,
        hidden=(in_environment, in_file),
        _untouched=_state(canary_file),
    )


def _state(path: Path) -> tuple[object, ...]:
    """All that a program could change of a file."""
    found = path.lstat()
    kept = (stat.filemode(found.st_mode), found.st_uid, found.st_gid, found.st_ino, found.st_mtime_ns)
    return (*kept, path.read_text(), sorted(os.listdir(path.parent)))  # noqa: PTH208 - names alone
