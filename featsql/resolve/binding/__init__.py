"""Bound trees: what is written out in them, what is known of each node, and what the engine reads itself."""
