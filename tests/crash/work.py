"""Forks writers that write without end until they are killed; each says into its file what was acknowledged.

A line on stdin, `<number> <file>`, makes a writer; its pid is answered. Lines of the file:
`created|updated|deleted|bundle <type/id> <version>`.
"""

from __future__ import annotations

import os
import random
import signal
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TextIO

sys.path.insert(0, str(Path(__file__).resolve().parent.parent.parent))
SIGNED_EVERY = 25


def main() -> None:
    import django

    django.setup()
    from django.db import connections

    from careloop.access import Scope, system_actor
    from careloop.actions import record  # noqa: F401  # loaded once, before the children are made
    from tests.projections import builders  # noqa: F401

    connections.close_all()
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody waits for the killed: none stays as a zombie
    scope = Scope(system_actor("import"), "command", "operations")
    for line in sys.stdin:
        number, _, path = line.strip().partition(" ")
        pid = os.fork()
        if pid == 0:
            with open(path, "w", encoding="utf-8") as said:
                write(scope, int(number), said)
        sys.stdout.write(f"{pid}\n")
        sys.stdout.flush()


def write(scope: Any, number: int, out: TextIO) -> None:
    from careloop.actions.record import begin
    from careloop.store import lane_heads
    from tests.projections import builders as b

    # A bundle first: however soon it is killed, there is a person with a contact and work.
    pick, mine = random.Random(number), []

    def person(id: str) -> dict[str, Any]:
        return b.patient(id, "Maria", f"Family{pick.random()}", pick.choice(["north", "south"]))

    for turn in range(10**9):
        now, choice, id = datetime.now(UTC), pick.random() if turn else 1.0, f"w{number}-{os.getpid()}-{turn}"
        with begin(scope, now) as unit:
            if choice < 0.3 or not mine:
                said = [("created", unit.create(person(id), id=id))]
                mine.append(id)
            elif choice < 0.5:
                said = [("updated", unit.update(person(pick.choice(mine))))]
            elif choice < 0.6:
                said = [("deleted", unit.delete("Patient", mine.pop()))]
            elif choice < 0.8:
                her = pick.choice(mine)
                said = [("created", unit.create(b.task(f"{id}-t", her, now), id=f"{id}-t"))]
            else:
                unit.transaction(
                    bundle(person(id), b.contact(f"{id}-c", id, now), b.task(f"{id}-b", id, now))
                )
                said = [("bundle", change.stored) for change in unit.changes]
        for what, stored in said:  # only now is it safe
            out.write(f"{what} {stored.reference} {stored.version}\n")
        out.flush()
        if number % 10 == 0 and turn % SIGNED_EVERY == SIGNED_EVERY - 1:
            lane_heads.sign_heads(now)


def bundle(*resources: dict[str, Any]) -> dict[str, Any]:
    entries = [
        {"resource": one, "request": {"method": "PUT", "url": f"{one['resourceType']}/{one['id']}"}}
        for one in resources
    ]
    return {"resourceType": "Bundle", "type": "transaction", "entry": entries}


if __name__ == "__main__":
    main()
