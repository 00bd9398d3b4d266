"""Which relations a person means by dbt's selectors."""
