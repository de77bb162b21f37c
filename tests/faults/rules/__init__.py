"""What a history must be, one module a promise. Pure: no I/O, no clock."""
