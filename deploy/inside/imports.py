"""``python -m deploy.imports PACKAGE``: import all that a service may ever import, while its image is built.

What an image lacks shows there and then, not at the first job or setting that needs it: what a function
imports when it is called is imported too.
"""

import ast
import importlib
import importlib.util
import pkgutil
import sys
from collections.abc import Iterator

OURS = "deploy", "services", "shared"
BESIDES = ("shared.provision",)
"""What is started from the image besides the service."""


def main(package: str) -> None:
    """Import all of it but `__main__`, which would start it. Raises ImportError."""
    here = importlib.import_module(package)
    modules = pkgutil.walk_packages(here.__path__, f"{package}.")
    waiting = [package, *(each.name for each in modules), *BESIDES]
    seen: set[str] = set()
    while waiting:
        name = waiting.pop()
        if name not in seen:
            seen.add(name)
            if not name.endswith(".__main__"):
                importlib.import_module(name)
            if name.partition(".")[0] in OURS:
                waiting += imported(name)


def imported(name: str) -> Iterator[str]:
    """What a module of ours imports, at once or later."""
    spec = importlib.util.find_spec(name)
    if spec is None or spec.loader is None:
        raise ImportError(f"there is no {name}", name=name)
    source: str = spec.loader.get_source(name)  # type: ignore[attr-defined]  # a file's loader has it
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            source_of = importlib.util.resolve_name("." * node.level + (node.module or ""), spec.parent)
            yield source_of
            within = (f"{source_of}.{alias.name}" for alias in node.names)
            yield from (each for each in within if is_module(each))


def is_module(name: str) -> bool:
    """Whether a name is a module's, and not that of something in one."""
    parent = importlib.import_module(name.rpartition(".")[0])
    return hasattr(parent, "__path__") and importlib.util.find_spec(name) is not None


if __name__ == "__main__":
    main(sys.argv[1])
