"""Writes without end until it is killed; says on stdout what was acknowledged. Run by test_kill.py.

Arguments: home folder, number of the writer. Each line: `created|updated|deleted|bundle <type/id> <version>`.
"""

from __future__ import annotations

import os
import random
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent.parent))


def say(what: str, stored: Any) -> None:
    sys.stdout.write(f"{what} {stored.reference} {stored.version}\n")
    sys.stdout.flush()


def main(home: str, number: int) -> None:
    os.environ.update(CARELOOP_HOME=home, DJANGO_SETTINGS_MODULE="careloop.server.settings")
    import django

    django.setup()
    from careloop.access import Scope, system_actor
    from careloop.actions.record import begin
    from tests.projections import builders as b

    scope = Scope(system_actor("import"), "command", "operations")
    pick, mine = random.Random(number), []

    def person(id: str) -> dict[str, Any]:
        return b.patient(id, "Maria", f"Family{pick.random()}", pick.choice(["north", "south"]))

    for turn in range(10**9):
        now, choice, id = datetime.now(UTC), pick.random(), f"w{number}-{turn}"
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
            say(what, stored)


def bundle(*resources: dict[str, Any]) -> dict[str, Any]:
    entries = [
        {"resource": one, "request": {"method": "PUT", "url": f"{one['resourceType']}/{one['id']}"}}
        for one in resources
    ]
    return {"resourceType": "Bundle", "type": "transaction", "entry": entries}


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
