"""Evaluation: from stored predictions to metrics."""
