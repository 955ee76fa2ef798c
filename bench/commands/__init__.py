"""Commands: the command line and the Python functions behind it."""
