"""The rows of a training set: computed or still standing, where they lie, and which labels are known."""
