"""What an earlier build left that still stands, and what has to be made again."""
