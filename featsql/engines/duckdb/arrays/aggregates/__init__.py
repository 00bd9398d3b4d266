"""Aggregates over ranges of rows, NumPy arrays in and out."""
