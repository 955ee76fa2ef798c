"""Version of the package, and protocol number of its runs.

`PROTOCOL` is part of each run's identity. Raise it with every change of the trunk, training loop,
noise, relabelling or backbones that changes an outcome; the golden tests fail until it is raised.

    1  published from November 22, 2026: torch's own dropout, one standardisation per head
    2  dropout from 16-bit numbers, one standardisation for all heads, evaluation batches of 128
    3  feature maps flattened in memory order, ReLU after pooling
"""

__version__ = "0.2.0"
PROTOCOL = 3
