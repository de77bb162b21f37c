"""The version of Headrace, defined here only."""

VERSION = "0.2.0"
__version__ = VERSION
