"""Mean and standard deviation of grey levels of images in memory."""

import numpy as np

LEVELS = np.arange(256, dtype=np.int64)


def mean_and_std(images: np.ndarray) -> tuple[list[float], list[float]]:
    """Return mean and standard deviation (with n − 1) of each channel, on the 0–1 scale.

    The deviation is 0.001 at least, so that images of one level can be divided by it.

    Args:
        images: uint8 (N, C, H, W).
    """
    means, deviations = [], []
    for channel in range(images.shape[1]):
        counts = np.bincount(images[:, channel].ravel(), minlength=256)
        n, total, squares = (int((counts * LEVELS**power).sum()) for power in range(3))
        means.append(total / (255 * n))
        variance = (n * squares - total * total) / (n * max(n - 1, 1))
        deviations.append(max(variance**0.5 / 255, 1e-3))
    return means, deviations
