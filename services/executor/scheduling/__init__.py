"""Which job gets which slot, and when. The log is the scheduler: every executor follows it, decides alike."""
