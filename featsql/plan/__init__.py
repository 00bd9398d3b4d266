"""The third chapter: from a checked model and a spine to one query of one dialect."""
