"""Data: data sets, images, augmentation and label noise."""
