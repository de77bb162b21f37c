"""The command ``headrace``, and ``python -m headrace``: handles Ctrl-C before the command line is imported.

The import takes a second on a busy machine. Ctrl-C ends it then as it does later: without a traceback.
"""

from shared.importing import importing


def main() -> None:
    """Entry point of the `headrace` command."""
    with importing():
        from headrace.cli import app  # noqa: PLC0415 - what this module is for
    app()


if __name__ == "__main__":
    main()
