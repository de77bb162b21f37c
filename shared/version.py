"""Which version of Headrace this is: the one place that says so."""

VERSION = "0.1.0"
__version__ = VERSION
