"""Aggregates over windows of time, from rows as NumPy arrays."""
