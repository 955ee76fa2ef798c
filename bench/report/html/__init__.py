"""The interactive page of a report: one file that opens from disk and fetches nothing."""
