"""The core: what was stored and what is live, in one order, for each subscription. Knows no transport."""
