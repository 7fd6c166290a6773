"""What the record hands out, and what it tells projectors."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, Literal, Protocol

from careloop.fhir.elements import Resource
from careloop.store import bodies
from careloop.store.keys import name_of

if TYPE_CHECKING:
    from careloop.store.unit import Unit

Op = Literal["create", "update", "delete"]
OPS: tuple[Op, ...] = ("create", "update", "delete")
OP_NUMBER: dict[Op, int] = {"create": 1, "update": 2, "delete": 3}

# The columns `Stored.of_row` reads: i is ids, h is heads, v is versions.
COLUMNS = "i.type, i.id, v.rid, v.person, v.version, v.at, v.op, v.codec, v.body"


class Stored:
    """One version of one resource. person: rid of the Patient whose home it is, 0 for nobody's.
    resource: with id, meta.versionId and meta.lastUpdated; decoded at first use, and the caller's own.
    is_new: made by this very call (a conditional create may find one that was there)."""

    __slots__ = (
        "_body",
        "_codec",
        "_resource",
        "at",
        "id",
        "is_new",
        "op",
        "person",
        "rid",
        "type",
        "version",
    )

    def __init__(
        self,
        *,
        type: str,
        id: str,
        rid: int,
        person: int,
        version: int,
        at: datetime,
        op: Op,
        codec: int,
        body: bytes,
        is_new: bool = False,
    ) -> None:
        self.type, self.id, self.rid, self.person = type, id, rid, person
        self.version, self.at, self.op, self.is_new = version, at, op, is_new
        self._codec, self._body = codec, body
        self._resource: Resource | None = None

    @classmethod
    def of_row(cls, row: Sequence[Any]) -> Stored:
        """row: the nine columns of COLUMNS."""
        return cls(
            type=name_of(row[0]),
            id=row[1],
            rid=row[2],
            person=row[3],
            version=row[4],
            at=row[5],
            op=OPS[row[6] - 1],
            codec=row[7],
            body=row[8],
        )

    @property
    def resource(self) -> Resource:
        if self._resource is None:
            self._resource = bodies.unpack(self._codec, self._body)
        return self._resource

    @property
    def json(self) -> bytes:
        """The same as text, without decoding it."""
        return bodies.json_of(self._codec, self._body)

    def only(self, shape: type[bodies.Shape]) -> bodies.Shape:
        """Just what a shape (a msgspec.Struct) names, for those who read little of many."""
        return bodies.only(self._codec, self._body, shape)

    @property
    def packed(self) -> tuple[int, bytes]:
        return self._codec, self._body

    @property
    def reference(self) -> str:
        return f"{self.type}/{self.id}"

    @property
    def is_deleted(self) -> bool:
        return self.op == "delete"

    def again(self) -> Stored:
        """The same version, to be read afresh: nobody has changed its resource."""
        return Stored(
            type=self.type,
            id=self.id,
            rid=self.rid,
            person=self.person,
            version=self.version,
            at=self.at,
            op=self.op,
            codec=self._codec,
            body=self._body,
        )

    def __repr__(self) -> str:
        return f"Stored({self.reference} version {self.version})"


@dataclass(frozen=True, slots=True)
class Change:
    """before: None for a create. after: None for a delete."""

    op: Op
    before: Stored | None
    after: Stored | None

    @property
    def stored(self) -> Stored:
        """What it is about: after, else before."""
        found = self.after or self.before
        assert found is not None
        return found


@dataclass(frozen=True, slots=True)
class Page:
    """total: None where it was not counted. next: opaque; goes into `_cursor` of the next search."""

    total: int | None
    entries: list[Stored]
    next: str | None


class Projector(Protocol):
    """A derived table. project runs before every commit, rebuild makes it anew from the record."""

    def project(self, unit: Unit, changes: Sequence[Change]) -> None: ...

    def rebuild(self, unit: Unit) -> None: ...


Projectors = Iterable[Projector]
