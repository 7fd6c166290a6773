"""The record: versions, index, search, change feed, audit, unit of work. It opens only with a Scope."""

from careloop.store.stored import Change, Page, Projector, Stored
from careloop.store.unit import Unit, open

__all__ = ["Change", "Page", "Projector", "Stored", "Unit", "open"]
