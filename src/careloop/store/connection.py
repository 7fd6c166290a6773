"""What the record keeps beside each of Django's connections."""

from __future__ import annotations


def forget() -> None:
    """Drops everything remembered about the database: another one stands behind the connection now."""
