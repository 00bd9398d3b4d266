"""Databases that DuckDB cannot read by itself here: each lends its tables as streams of Arrow batches."""
