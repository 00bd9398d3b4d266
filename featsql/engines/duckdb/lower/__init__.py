"""From a plan to one query of DuckDB, node by node."""
