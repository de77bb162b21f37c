"""An example of a line of the audit."""

from services.api.jobs.example_story import STORY, stored

EVENT = stored(STORY[0], 41)
