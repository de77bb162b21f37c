"""The dialect `executions` as its pages use it: every clause of docs/dialects/executions.md."""
