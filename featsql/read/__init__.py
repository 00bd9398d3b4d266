"""The first chapter: from a folder to models, each a SQL tree that knows where it was written."""
