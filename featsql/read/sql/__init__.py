"""The author's SQL and the tree that was made of it: whether they say the same to DuckDB."""
