"""How an action opens the record: with every projection that exists, so that none is ever left behind."""

from __future__ import annotations

from datetime import datetime

from careloop import projections, store
from careloop.access import Scope


def begin(scope: Scope, now: datetime) -> store.Unit:
    """A unit of work that commits resources, index, feed, audit and projections together."""
    return store.open(scope, now=now, projectors=getattr(projections, "ALL", ()))
