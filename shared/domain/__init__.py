"""The rules of jobs: events and the state they fold to, lanes, records, cursors, shares. No I/O, no clock."""
