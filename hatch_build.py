"""Builds the wheel with one package: `shared` and `services` become packages of `headrace`.

In the tree they stand beside `headrace`; an editable installation and the images use the tree as it is. A
wheel is unpacked into another project's site-packages, where packages of these names may exist already
(decision 35). Rewritten are imports, strings that begin with a module's name, and module names after `python
-m`. A file that imports either package by its name in the tree afterwards ends the build.
"""

import ast
import re
import tempfile
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

MOVED = ("shared", "services")
NAMES = "|".join(MOVED)
MENTIONS = re.compile(
    rf"^(?P<statement>[ \t]*(?:from|import) )(?=(?:{NAMES})(?:\.| import ))"  # from shared.x import y
    rf"|(?P<quoted>[\"'`])(?=(?:{NAMES})\.[a-z{{])"  # "services.executor", f"services.{{name}}", `shared.x`
    rf"|(?P<command>\bpython -m )(?=(?:{NAMES})\.[a-z<])",  # python -m shared.provision
    re.MULTILINE,
)


class WheelHook(BuildHookInterface[Any]):
    """What hatchling calls before it builds a wheel."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Replace each Python file by a rewritten copy; `sources` in pyproject.toml says where it goes."""
        if version == "editable":
            return
        self.rewritten = tempfile.TemporaryDirectory(prefix="headrace-wheel-")
        for file in self.build_config.builder.recurse_selected_project_files():
            if file.distribution_path.endswith(".py"):
                copy = Path(self.rewritten.name, file.distribution_path)
                copy.parent.mkdir(parents=True, exist_ok=True)
                copy.write_text(rewrite(Path(file.path).read_text("utf-8"), file.path), "utf-8")
                build_data["force_include"][str(copy)] = file.distribution_path

    def finalize(self, version: str, build_data: dict[str, Any], artifact_path: str) -> None:
        """Remove the copies."""
        if version != "editable":
            self.rewritten.cleanup()


def rewrite(source: str, name: str) -> str:
    """The text of a module of the tree, as the wheel has it; ValueError where an import is left as it was."""
    text = MENTIONS.sub(lambda found: f"{found[0]}headrace.", source)
    for node in ast.walk(ast.parse(text, name)):
        match node:
            case ast.ImportFrom(module=str(module), level=0):
                imported = [module]
            case ast.Import(names=aliases):
                imported = [alias.name for alias in aliases]
            case _:
                continue
        for one in imported:
            # `import headrace.shared.x` binds `headrace` where the tree's statement binds `shared`.
            if one.split(".")[0] in MOVED or (isinstance(node, ast.Import) and one.startswith("headrace.s")):
                raise ValueError(
                    f"{name}:{node.lineno}: write it as `from {one} import …`, which the wheel rewrites"
                )
    return text
