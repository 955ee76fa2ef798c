"""Sends runs to experiment trackers as they go: TensorBoard, MLflow, Weights & Biases."""
