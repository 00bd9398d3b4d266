"""Features computed from arrays before the query, so that they stand beside the columns of the spine."""
