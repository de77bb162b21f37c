"""The command ``headrace``, and ``python -m headrace``: what comes before the command line is imported.

That takes a second on a busy machine, in which Ctrl-C ends it as it does later: without a traceback.
"""

from headrace.importing import importing


def main() -> None:
    """Entry point of the `headrace` command."""
    with importing():
        from headrace.cli import app  # noqa: PLC0415 - what this module is for
    app()


if __name__ == "__main__":
    main()
