"""The fourth chapter: from a query to published tables, and the evaluator that says what is right."""
