"""Writes without end until it is killed; says on stdout what was acknowledged. Run by test_kill.py.

Arguments: home folder, number of the writer. Each line: `created|updated|deleted|bundle <type/id> <version>`.
"""

from __future__ import annotations

import os
import random
import sys
from datetime import UTC, datetime


def main(home: str, number: int) -> None:
    os.environ.update(CARELOOP_HOME=home, DJANGO_SETTINGS_MODULE="careloop.server.settings")
    import django

    django.setup()
    from careloop import store
    from careloop.access import Scope, system_actor

    scope = Scope(system_actor("import"), "command", "operations")
    pick, mine = random.Random(number), []

    def say(what: str, stored: store.Stored) -> None:
        sys.stdout.write(f"{what} {stored.reference} {stored.version}\n")
        sys.stdout.flush()

    def patient() -> dict[str, object]:
        return {"resourceType": "Patient", "name": [{"family": f"F{pick.random()}", "given": ["G"]}]}

    while True:
        now = datetime.now(UTC)
        choice = pick.random()
        if choice < 0.4 or not mine:
            with store.open(scope, now=now, projectors=projectors()) as unit:
                made = unit.create(patient())
            mine.append(made.id)
            say("created", made)
        elif choice < 0.7:
            with store.open(scope, now=now, projectors=projectors()) as unit:
                changed = unit.update({**patient(), "id": pick.choice(mine)})
            say("updated", changed)
        elif choice < 0.8:
            with store.open(scope, now=now, projectors=projectors()) as unit:
                gone = unit.delete("Patient", mine.pop())
            say("deleted", gone)
        else:
            entries = [
                {
                    "fullUrl": "urn:uuid:p",
                    "resource": patient(),
                    "request": {"method": "POST", "url": "Patient"},
                }
            ]
            entries += [
                {
                    "resource": {
                        "resourceType": "Observation",
                        "status": "final",
                        "code": {"text": "a reading"},
                        "subject": {"reference": "urn:uuid:p"},
                        "valueInteger": n,
                    },
                    "request": {"method": "POST", "url": "Observation"},
                }
                for n in range(5)
            ]
            with store.open(scope, now=now, projectors=projectors()) as unit:
                unit.transaction({"resourceType": "Bundle", "type": "transaction", "entry": entries})
                made_now = [change.stored for change in unit.changes]
            for stored in made_now:
                say("bundle", stored)


def projectors() -> tuple[object, ...]:
    try:
        from careloop.projections import ALL
    except ImportError:
        return ()
    return tuple(ALL)


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
