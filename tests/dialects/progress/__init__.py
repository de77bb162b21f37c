"""The dialect `progress` (docs/dialects/progress.md)."""
