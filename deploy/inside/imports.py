"""``python -m deploy.imports PACKAGE``: import every module of a service, while its image is built.

What an image lacks shows there and then, not at the first job that needs it.
"""

import importlib
import pkgutil
import sys


def main(package: str) -> None:
    """Import all of it but `__main__`, which would start it. Raises ImportError."""
    here = importlib.import_module(package)
    for module in pkgutil.walk_packages(here.__path__, f"{package}."):
        if not module.name.endswith(".__main__"):
            importlib.import_module(module.name)
    importlib.import_module("shared.streams")


if __name__ == "__main__":
    main(sys.argv[1])
