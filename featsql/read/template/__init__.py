"""Templates run in a sandbox, and text that remembers where it was written."""
