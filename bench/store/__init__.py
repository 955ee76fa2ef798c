"""The store: finished runs on disk, unfinished ones, and moving them."""
