"""Plugins: the interface of a method, the registry, hyper-parameters and loading."""
