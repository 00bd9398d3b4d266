"""Lineage for other tools and for people: one file a format, and what a change touches."""
