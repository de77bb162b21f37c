"""The tables of docs/bounds are complete, and every row of them leads to what it names."""
