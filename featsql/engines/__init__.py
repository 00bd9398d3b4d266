"""A plan on an engine: how it is lowered to one query, and how that runs."""
