"""The four programs of Headrace. Each stands on `shared` and knows nothing of the others."""
