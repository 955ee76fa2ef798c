"""Statistics over runs: tests, intervals, ranks."""
