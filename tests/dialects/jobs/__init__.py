"""The dialect `jobs`: its routes, its socket, and both in a whole stack (docs/dialects/jobs.md)."""
