"""Ordinary programs of every language, as students write them, and what each of them must print.

A folder is a program: `tests/programs/<language>/<name>/` holds its files, `stdin` and `expected_stdout` as
exact bytes, and `case.toml` where it ends otherwise than with exit code 0 and an empty stderr. Every expected
output was seen on the bare runtime, and `python -m tests.programs.bare` shows it again.
"""
