"""Plugins: the interface of a method, where plugins are found, and how they are loaded."""
