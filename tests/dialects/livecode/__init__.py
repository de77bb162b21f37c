"""The dialect `livecode` as its clients see it."""
