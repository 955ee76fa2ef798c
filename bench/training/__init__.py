"""Training: loop, batches, relabelling, prediction and checkpoints."""
