"""The columns and types of every relation as the engine binds them, and its clock."""
