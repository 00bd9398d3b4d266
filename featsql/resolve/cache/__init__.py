"""The compile cache: what earlier compilations found out, and two processes that share the work."""
