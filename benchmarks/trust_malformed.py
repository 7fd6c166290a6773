"""Malformed input through the real doors: 20,000 cases and more, none answered 5xx, none over 2 seconds.

    python -m benchmarks.trust_malformed [cases] [seed]

Half of them FHIR JSON, searches, addresses and headers at the FHIR door; half HL7 v2 as a hospital's feed sends it,
taken in afterwards. C-CDA and X12 join when their doors exist.
"""

from __future__ import annotations

import logging
import os
import sys
import time
from datetime import UTC, datetime
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
from benchmarks._stage import QUICK, SLOW, careloop, home, machine

GATE, GOAL = 20_000, 200_000


def main(count: int, seed: int) -> int:
    with home() as place:
        import django

        django.setup()
        from django.conf import settings

        settings.ALLOWED_HOSTS = ["testserver"]
        logging.disable(logging.CRITICAL)  # thousands of refusals are the point here
        from tests.api.conftest import Door
        from tests.connect.hl7v2.messages import Hospital
        from tests.fuzz import cases, hl7_cases, running

        from careloop.accounts.models import ApiClient

        print(f"{machine(place)}; seed {seed}")
        now = datetime.now(UTC)
        began = time.monotonic()
        door = Door(ApiClient.issue("fuzz", "system/*.cruds", now)[1])
        fhir = running.fhir(door, cases.fhir(seed, count // 2))
        print(f"FHIR: {fhir.told()}", flush=True)
        Hospital(now)
        hl7 = running.hl7(hl7_cases.hl7(seed, count - count // 2, running.good_message), now)
        print(f"HL7 v2: {hl7.told()}")
        for said in (*fhir.broken[:5], *hl7.broken[:5], *fhir.slow[:3], *hl7.slow[:3]):
            print(f"  {said}")
        whole = careloop("verify").strip().splitlines()[-1]
        broken, slow = len(fhir.broken) + len(hl7.broken), len(fhir.slow) + len(hl7.slow)
        print(
            f"{fhir.cases + hl7.cases:,} cases (gate {GATE:,}, goal {GOAL:,}) in {time.monotonic() - began:.0f} s: "
            f"{broken} broken (gate 0), {slow} over 2 s (gate 0); afterwards {whole}"
        )
    return 1 if broken else SLOW if slow else 0


if __name__ == "__main__":
    given = [int(word) for word in sys.argv[1:] if word.isdecimal()]
    os.environ.setdefault("CARELOOP_SECRET_KEY", "only for this measure; nothing real is kept under it")
    sys.exit(main(given[0] if given else 2_000 if QUICK else GATE, given[1] if len(given) > 1 else 20261123))
