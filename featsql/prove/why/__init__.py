"""The source rows behind one value: found by asking again without them."""
