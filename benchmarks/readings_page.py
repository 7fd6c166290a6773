"""The readings of one person who has weighed herself and taken her blood pressure every day for two years: the page at
each span, through the whole application; and what of it goes over the wire.

    python -m benchmarks.readings_page            CARELOOP_BENCH_QUICK=1 for fewer rounds

The baseline is the same page of somebody who has no readings.
"""

from __future__ import annotations

import gzip
import os
import sys
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
from benchmarks import _stage as stage
from benchmarks.today import ANA, QUICK, milliseconds

DAYS = 730
ROUNDS = 12 if QUICK else 40
SPANS = ("30", "90", "365", "all")
MOST_KB = 100


def tell(person: str) -> None:
    """As a scale and a cuff send them, a month in a commit."""
    from benchmarks.protocols import _quantity

    from careloop import projections, store
    from careloop.access import Scope, system_actor
    from careloop.fhir import uris
    from careloop.fhir.elements import codeable, fhir_instant, ref

    def observed(code: str, at: datetime, **value: Any) -> dict[str, Any]:
        return {
            "resourceType": "Observation",
            "status": "final",
            "code": codeable(uris.LOINC, code),
            "subject": ref(person),
            "effectiveDateTime": fhir_instant(at),
            **value,
        }

    scope, now = Scope(system_actor("demo"), "command", "operations"), datetime.now(UTC)
    for first in range(DAYS, 0, -30):
        with store.open(scope, now=now, projectors=projections.ALL) as unit:
            for day in range(first, max(0, first - 30), -1):
                at = now - timedelta(days=day)
                kilograms = Decimal(80_000 + (day * 977) % 1_900) / 1000
                parts = [
                    {"code": codeable(uris.LOINC, code), "valueQuantity": _quantity(Decimal(value), "mm[Hg]")}
                    for code, value in (("8480-6", 118 + day * 5 % 30), ("8462-4", 70 + day % 18))
                ]
                unit.create(observed("29463-7", at, valueQuantity=_quantity(kilograms, "kg")))
                unit.create(observed("85354-9", at, component=parts))


def measure() -> int:
    import tests.signed  # noqa: F401  # force_login begins a session with it
    from django.db import connection
    from django.test import Client, override_settings

    from careloop.accounts.models import User

    client: Any = Client()
    client.force_login(User.objects.get(email=ANA))
    with connection.cursor() as cursor:
        cursor.execute(
            "select b.id, exists (select from readings r where r.person = p.person) from people p"
            " join briefs b on b.person = p.person where p.lead = (select lead from people q join briefs m"
            " on m.person = q.person where m.name like '%Duarte%' order by q.person limit 1) and not b.is_deceased"
        )
        hers = cursor.fetchall()
    told = next(id for id, has_readings in hers if not has_readings)
    bare = next((id for id, has_readings in hers if not has_readings and id != told), None)
    tell(f"Patient/{told}")
    too_big = 0
    with override_settings(ALLOWED_HOSTS=["testserver"]):
        floor = shown(client, "none (baseline)", f"/people/{bare}/readings", 0.0)[0] if bare else 0.0
        for span in SPANS:
            _, size = shown(client, f"{span} days", f"/people/{told}/readings?span={span}", floor)
            too_big += size > MOST_KB
    return stage.SLOW if too_big else 0


def shown(client: Any, name: str, url: str, floor: float) -> tuple[float, float]:
    """(middle in ms, kB as they are sent)."""
    answer = client.get(url)
    assert answer.status_code == 200, (url, answer.status_code)
    size = len(gzip.compress(answer.content, 6)) / 1000
    middle, high = milliseconds(lambda: client.get(url), ROUNDS)
    beside = f"x{middle / floor:.1f}" if floor else "x1.0"
    print(
        f"  {name:16} p50 {middle:6.1f} ms   p95 {high:6.1f} ms   {beside} of the baseline"
        f"   {size:5.1f} kB on the wire ({len(answer.content) / 1000:.0f} kB)"
    )
    return middle, size


def main() -> int:
    os.environ.setdefault("CARELOOP_SECRET_KEY", "only for this measure; nothing real is kept under it")
    with ExitStack() as ending:
        home = ending.enter_context(stage.home())
        import django

        django.setup()
        from careloop.kernel.clock import system_clock
        from careloop.server.demo import prepare

        prepare(home=home, people=60, seed=7, today=system_clock().date())
        print(stage.machine(home))
        print(f"{2 * DAYS:,} readings of one person")
        return measure()


if __name__ == "__main__":
    sys.exit(main())
