"""What is right, and whether a project is: the reference evaluator, `verify` and `why`."""
