"""Databases that DuckDB cannot read by itself here: their tables as streams of Arrow batches."""
