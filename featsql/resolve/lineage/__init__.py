"""Which columns flow into which, which only influence, and when the rows lie that act along an edge."""
