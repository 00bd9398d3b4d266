"""A training set taken apart: its spine, the features at each row's instant, its projections."""
