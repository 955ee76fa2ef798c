"""The grid: from what a user asks for to one specification for each run."""
