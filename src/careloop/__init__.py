"""Careloop: care coordination. Every need found, every promise kept, every loop closed."""

__version__ = "0.1.0"
