"""What a features model says of an entity that it has no row for."""
