"""Writes when it is told to: a line `<id>` on stdin, `ok <version>` or `refused <code> <status>` on stdout."""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent.parent))


def main() -> None:
    import django

    django.setup()
    from careloop.access import Scope, system_actor
    from careloop.actions.record import begin
    from careloop.kernel.errors import CareError
    from tests.projections import builders as b

    scope = Scope(system_actor("import"), "command", "operations")
    for line in sys.stdin:
        try:
            with begin(scope, datetime.now(UTC)) as unit:
                stored = unit.update(b.patient(line.strip(), "Maria", "Duarte"), create=True)
            said = f"ok {stored.version}"
        except CareError as refused:
            said = f"refused {refused.code} {refused.status}"
        sys.stdout.write(f"{said}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
