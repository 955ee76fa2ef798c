"""Nets: backbones, the shared trunk, and base classes of methods."""
