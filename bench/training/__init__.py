"""Training: the loop, batches, relabelling and checkpoints."""
