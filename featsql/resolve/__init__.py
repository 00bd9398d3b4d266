"""The second chapter: from models to a checked graph, every column bound and every clock known."""
