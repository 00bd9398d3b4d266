"""What a change touches: a project now against what it was."""
