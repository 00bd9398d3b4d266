"""The three laws, on random projects, random SQL and random data, and mutants that they must catch."""
