"""The rules: each file is one, with one diagnostic code, and a `check(subject)` that yields what it finds."""
