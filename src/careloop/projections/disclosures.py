"""What left the house about whom: written in the commit of the act, never changed after. The table is append-only by
grant, and the audit row of the same commit answers for each line, so that the chain covers it."""

from __future__ import annotations

import json
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from hashlib import sha256
from typing import Any, Final

from careloop.access import labels
from careloop.access.acts import ACCOUNTING, DISCLOSE, may
from careloop.access.conditions import LabelsAllowed
from careloop.access.shares import SELF
from careloop.kernel.errors import Forbidden, NotFound
from careloop.store import Unit
from careloop.store.disclosed import digest_of

# Every way in which something about a person leaves the house, and how it comes into her accounting. A test compares
# it with the doors: a new one without an entry turns it red.
WAYS_OUT: Final[dict[str, str]] = {
    "page:disclose": "recorded by actions.disclose",
    "page:disclosure-pdf": "the paper of what actions.disclose recorded",
    "page:accounting-pdf": "the person’s own accounting",
    "page:plan-pdf": "the person’s own copy; audited, nothing else (45 CFR 164.528(a)(1)(ii))",
    "page:plan-print": "the person’s own copy; audited, nothing else (45 CFR 164.528(a)(1)(ii))",
    "page:take-along": "on her own device for treatment, encrypted, seven days; audited, nothing else (decision 0091)",
    "page:letter": "recorded by actions.answer_referrer when it has left",
    "page:review-letter-again": "sends again what the outbox holds; recorded when it has left",
    "page:family-letters": "the person’s own letters, on her own pages; audited, nothing else",
    "page:family-letter": "the way in with a code from a letter; nothing leaves",
    "page:family-accounting": "the person’s own accounting, on her own pages",
    "page:portal-letter": "a code to sign in with, handed to the person; tells nothing about her",
    "page:registry-export": "inside the house: whose list it is takes it, nothing that carries a label; audited",
    "page:readings-file-faults": "rows of her own file, back to whoever sent it up; nothing leaves",
    "page:audit-export": "inside the house: who looked, no content; audited",
    "outbox:letter": "recorded by actions.answer_referrer when it has left",
    "outbox:disclosure": "recorded by actions.disclose before it is queued",
    "outbox:portal-asked": "that a code was asked for at the door; nothing leaves",
    "outbox:portal-code": "a code to the person’s own confirmed contact; tells nothing about her",
    "fhir:client": "read from the audit trail, a line a program and day",
    "fhir:app": "read from the audit trail, a line an app and day",
    "phone": "recorded by actions.answer_referrer",
}


@dataclass(frozen=True, repr=False)
class Item:
    """One line that left. words: as it stood on the paper; empty for a reader who may not see it. labels: bits when it
    left; None before they were kept."""

    reference: str
    version: int
    section: str
    words: str
    why: str
    consent: str | None = None
    labels: int | None = None

    def __repr__(self) -> str:
        return f"Item({self.reference})"


@dataclass(frozen=True, repr=False)
class Content:
    """All that stood on the paper. note: what she wrote above. notice: of 42 CFR 2.32. consents: copies in words.
    changes: what is another in the plan since it went there last, a sentence each."""

    items: tuple[Item, ...]
    note: str = ""
    notice: str = ""
    consents: tuple[str, ...] = ()
    is_incomplete: bool = False
    changes: tuple[str, ...] = ()

    def __repr__(self) -> str:
        return f"Content({len(self.items)} lines)"


@dataclass(frozen=True, repr=False)
class Disclosure:
    """actor: principal who sent it. recipient: rid of an Organization, None for a name alone. method, basis: codes of
    care/disclosure.py. consent: rid."""

    id: int
    person: int
    at: datetime
    actor: int
    recipient: int | None
    name: str
    address: str
    method: str
    basis: str
    consent: int | None
    purpose: str
    is_part2: bool
    content: Content

    def __repr__(self) -> str:
        return f"Disclosure({self.id})"


_COLUMNS: Final = (
    "id, person, at, actor, recipient, name, address, method, basis, consent, purpose, is_part2, content"
)


def record(
    unit: Unit,
    key: str,
    person: int,
    *,
    name: str,
    method: str,
    basis: str,
    purpose: str,
    content: Content,
    recipient: int | None = None,
    address: str = "",
    consent: int | None = None,
    is_part2: bool = False,
) -> int | None:
    """In the unit of the act itself. key: makes one of one act; None when it is there already."""
    packed = zlib.compress(json.dumps(asdict(content), ensure_ascii=False, sort_keys=True).encode())
    told: list[Any] = [key, person, unit.now, unit.scope.actor.principal, recipient, name, address]
    told += [method, basis, consent, purpose, is_part2, packed]
    digest = digest_of(told)
    row = (
        unit.cursor()
        .execute(
            "insert into disclosures(key, person, at, actor, recipient, name, address, method, basis, consent, purpose,"
            " is_part2, content, digest, tx) values (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)"
            " on conflict (key) do nothing returning id",
            [*told, digest, unit.tx],
        )
        .fetchone()
    )
    if row is None:
        return None
    unit.cover(int(row[0]), digest)
    unit.saw([person], f"disclosed {row[0]}")
    return int(row[0])


def number_of(unit: Unit, key: str) -> int:
    """Of the one that has this key."""
    row = unit.cursor().execute("select id from disclosures where key = %s", [key]).fetchone()
    if row is None:
        raise NotFound
    return int(row[0])


def of_person(
    unit: Unit, person: int, since: datetime | None = None, *, without: int = 0
) -> list[Disclosure]:
    """Newest first, as far as the actor may see it. without: label bits that she is not shown whatever she may see.
    Raises Forbidden, NotFound."""
    _check(unit, person)
    rows = unit.cursor().execute(
        f"select {_COLUMNS} from disclosures where person = %s and (%s::timestamptz is null or at >= %s)"
        " order by at desc, id desc",
        [person, since, since],
    )
    unit.saw([person], "disclosures")
    return _shown(unit, person, [_of_row(row) for row in rows.fetchall()], without)


def one(unit: Unit, person: int, id: int) -> Disclosure:
    """As far as the actor may see it. Raises Forbidden; NotFound, for one of somebody she may not see as for none.
    Whoever may send and not open all that was sent (access/acts.py) opens what she sent herself."""
    sender = _check(unit, person, own_is_enough=True)
    row = (
        unit.cursor()
        .execute(
            f"select {_COLUMNS} from disclosures where id = %s and person = %s and actor = coalesce(%s, actor)",
            [id, person, sender],
        )
        .fetchone()
    )
    if row is None:
        raise NotFound
    unit.saw([person], f"disclosure {id}")
    return _shown(unit, person, [_of_row(row)])[0]


def _check(unit: Unit, person: int, *, own_is_enough: bool = False) -> int | None:
    """Who must have sent it for the actor to open it; None for anybody. Which of its lines she sees, their labels say.
    Raises Forbidden, NotFound."""
    actor = unit.scope.actor
    opens_all = actor.kind != "staff" or may(actor, ACCOUNTING)
    if not opens_all and not (own_is_enough and may(actor, DISCLOSE)):
        raise Forbidden(ACCOUNTING.refusal)
    is_helper = actor.kind == "person" and (person, SELF) not in actor.shares
    if is_helper or not unit.may_see(person):
        raise NotFound
    return None if opens_all else actor.principal


def _shown(unit: Unit, person: int, found: Sequence[Disclosure], without: int = 0) -> list[Disclosure]:
    """Each line is judged by its labels, those of when it left and those of its row now. With a line go what was
    written above it and the papers that went along: they may say what it was."""
    bits = _bits(unit, found)
    seen = _seen(unit, person, set(bits.values()), without)
    shown = []
    for each in found:
        items = each.content.items
        mine = {n: bits[each.id, n] for n in range(len(items))}
        if all(bit in seen for bit in mine.values()):
            shown.append(each)
            continue
        left = tuple(
            item if mine[n] in seen else Item("", 0, item.section, "", "", labels=mine[n])
            for n, item in enumerate(items)
        )
        shown.append(replace(each, purpose="", is_part2=False, content=Content(left, is_incomplete=True)))
    return shown


def _bits(unit: Unit, found: Sequence[Disclosure]) -> dict[tuple[int, int], int]:
    """Of every line, by disclosure and place. What left before bits were kept is known by its row, else by nothing."""
    references = {item.reference for each in found for item in each.content.items}
    rids = {reference: rid for reference in references if (rid := unit.rid_of(reference)) is not None}
    now = labels_of(unit, sorted(rids.values()))
    bits = {}
    for each in found:
        for n, item in enumerate(each.content.items):
            of_row = now.get(rids.get(item.reference, 0))
            told = item.labels
            if told is None and each.is_part2:
                told = labels.PART2
            if told is None and of_row is None:
                told = labels.UNKNOWN
            bits[each.id, n] = ((told or 0) | (of_row or 0)) & labels.SENSITIVE
    return bits


def _seen(unit: Unit, person: int, bits: set[int], without: int) -> set[int]:
    """Those sets of labels that the actor may see of her, by the condition that decides on every reading. RESTRICTED:
    her Consents are looked into for each, as for a row of her record."""
    said, given = unit.people_sql(unit.condition(), "i.person", labels="i.bits")
    rows = unit.cursor().execute(
        "select i.own from (select %s::bigint as person, own, own | %s::integer as bits"
        f" from unnest(%s::integer[]) as t(own)) i where (i.own & %s::integer) = 0 and {said}",
        [person, labels.RESTRICTED, sorted(bits), without, *given],
    )
    return {row[0] for row in rows.fetchall()}


def _of_row(row: Sequence[Any]) -> Disclosure:
    id, person, at, actor, recipient, name, address, method, basis, consent, purpose, is_part2, content = row
    told = _content(content)
    return Disclosure(
        id, person, at, actor, recipient, name, address, method, basis, consent, purpose, is_part2, told
    )


def _content(packed: bytes) -> Content:
    told = json.loads(zlib.decompress(bytes(packed)))
    items = tuple(Item(**each) for each in told.pop("items"))
    lists = {name: tuple(told.get(name, ())) for name in ("consents", "changes")}
    return Content(items=items, **{**told, **lists})


def fingerprint(content: Content) -> str:
    """Short, for the foot of a page: of what stands on it."""
    told = asdict(content)
    for item in told["items"]:
        del item["labels"]
    if not told["changes"]:  # as papers were counted that had none
        del told["changes"]
    return sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()[:12]


def consents_of(unit: Unit, person: int, grantees: Sequence[int]) -> Iterator[tuple[int, int]]:
    """(Consent rid, label bits) that permit something to one of these, or to anyone, now."""
    rows = unit.cursor().execute(
        "select consent, permits from consented where person = %s and grantee = any(%s::bigint[]) and permits <> 0"
        " and since <= %s and (until is null or until > %s) order by consent",
        [person, [0, *grantees], unit.now, unit.now],
    )
    yield from rows.fetchall()


def labels_of(unit: Unit, rids: Sequence[int]) -> dict[int, int]:
    rows = unit.cursor().execute("select rid, labels from heads where rid = any(%s::bigint[])", [list(rids)])
    return dict(rows.fetchall())


def let_go(unit: Unit, rids: Sequence[int], condition: LabelsAllowed) -> set[int]:
    """Those of these rows that the labels and her Consents let go, by the algebra that decides on every reading."""
    may, given = unit.heads_sql(condition, "Patient")
    rows = unit.cursor().execute(
        f"select h.rid from heads h where h.rid = any(%s::bigint[]) and {may}", [list(rids), *given]
    )
    return {row[0] for row in rows.fetchall()}
