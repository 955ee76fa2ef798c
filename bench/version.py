"""The version of the package, and the protocol of its runs.

`PROTOCOL` is part of each run's identity. It is raised by whoever changes what a run comes out as:
in trunk, training loop, noise, relabelling or backbones. The golden tests fail until it is.

    1  published from November 22, 2026: torch's own dropout, each head standardises for itself
    2  dropout of 16-bit numbers, one standardisation for all heads, batches of 128 in evaluation
    3  feature maps flattened in memory order, ReLU after pooling
"""

__version__ = "0.2.0"
PROTOCOL = 3
