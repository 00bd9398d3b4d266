"""Plans on DuckDB: lowered to its SQL, or computed from arrays where that is sooner done."""
