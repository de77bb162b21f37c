"""What the two halves of the dialect `jobs` agree on."""

NAME = "jobs"
