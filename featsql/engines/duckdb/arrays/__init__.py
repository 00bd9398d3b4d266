"""Rows as NumPy arrays, in partitions of whole groups that are put in order."""
