"""Executors come and go, and users of every size share them: real processes over one log, judged by it."""
