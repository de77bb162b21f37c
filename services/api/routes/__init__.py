"""One file a resource: what is read from the request, who answers, and how the answer looks."""
