"""Built-in post-hoc scores, one plugin a file."""
