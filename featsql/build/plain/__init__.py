"""Plain models as relations of the target: the text that runs, and the rows that come to one that grows."""
