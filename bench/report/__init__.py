"""The report: tables, figures and statistics of stored runs."""
