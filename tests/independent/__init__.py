"""Random features models, answered by an evaluator that shares nothing with featsql."""
