"""Nets: backbones, the shared trunk, and what methods build on."""
