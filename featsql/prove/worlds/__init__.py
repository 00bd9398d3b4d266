"""Many instants at once: a world for each, and a plan whose rows look each at its own."""
