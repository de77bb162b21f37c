"""Programs that attack, each run for real, and what must become of every one of them.

`programs/` holds them as an attacker would write them. `attacks` says how each must end, `arena` runs one
(over HTTP in a stack, or straight in a sandbox), `footprint` sees what is left on the host, `planted` is what
nobody may read or change, and `checker` applies the same five demands to all. A program prints `attempted`
when its attack has really begun and `ESCAPED` when a part of it has succeeded.
"""
