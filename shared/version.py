"""Which version of Headrace this is: the one place that says so."""

VERSION = "0.2.0"
__version__ = VERSION
