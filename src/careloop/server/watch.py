"""What runs without anybody looking, looked at: backups, the log, the stations of the work loop, the hourly sweep, the
room on the disk. What is wrong becomes an item in Review, once, and goes by itself when it is over; /readyz says it.

Sentences only: nothing here names a person.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

from django.conf import settings
from django.db import connection

from careloop.access import Scope, system_actor
from careloop.actions.apply_proposal import apply
from careloop.care.work import Withdrawal, Work, WorkClass
from careloop.server.backup import Settings, State, is_embedded
from careloop.store.timers import MOST_TRIES

KIND: Final = "review-house"
BACKUP, SWEEP, ROOM, STATION = "backup", "sweep", "room", "station"
TITLES: Final = {
    BACKUP: "Tell whoever runs Careloop: backups are failing",
    SWEEP: "Tell whoever runs Careloop: people may not be watched for silence",
    ROOM: "Tell whoever runs Careloop: the disk is almost full",
    STATION: "Tell whoever runs Careloop: part of its work stands still",
}
DETAILS: Final = "This goes by itself when it is over. docs/runbooks says what to do."
LEAST_FREE: Final = 1_000_000_000
FAILING_FOR: Final = timedelta(minutes=5)
_KEY: Final = "house:"
_TOLD: Final = (
    "select t.id from work w join ids t on t.rid = w.task where w.person = 0 and w.kind = %s and w.is_open"
)


@dataclass(frozen=True)
class Trouble:
    about: str
    sentence: str


def scope() -> Scope:
    return Scope(system_actor("jobs"), "work", "operations")


def troubles(now: datetime, failing: Mapping[str, datetime]) -> list[Trouble]:
    """failing: since when each station of the work loop fails."""
    found = []
    if said := backup_problem(now):
        found.append(Trouble(BACKUP, said))
    if free_bytes() < LEAST_FREE:
        found.append(Trouble(ROOM, "Less than 1 GB is free. When nothing is left, nothing can be saved."))
    if _sweep_fails():
        found.append(
            Trouble(SWEEP, "The hourly look for people whom nobody hears from failed three times or more.")
        )
    names = sorted(name for name, since in failing.items() if now - since >= FAILING_FOR)
    if names:
        found.append(Trouble(STATION, f"It has failed for five minutes or more: {', '.join(names)}."))
    return found


def backup_problem(now: datetime) -> str:
    """Empty when all is well, or nobody asked for backups here."""
    if not os.environ.get("CARELOOP_BACKUP_DIR"):
        return ""
    return State.read(Path(settings.HOME)).problem(now, Settings.read(), is_embedded=is_embedded())


def free_bytes() -> int:
    return shutil.disk_usage(settings.HOME).free


def _sweep_fails() -> bool:
    with connection.cursor() as cursor:
        cursor.execute(
            "select exists (select from timers where person = 0 and done is null and tries >= %s)",
            [MOST_TRIES],
        )
        row = cursor.fetchone()
    return bool(row and row[0])


def tell(now: datetime, failing: Mapping[str, datetime]) -> int:
    """Brings the items in Review up to what is wrong now. Always 0: nothing waits because of it."""
    found = troubles(now, failing)
    if not found and not _is_anything_told():
        return 0
    work = [
        Work(
            kind=KIND,
            title=TITLES[trouble.about],
            because=trouble.sentence,
            klass=WorkClass.CLOCK,
            dedupe=f"{_KEY}{trouble.about}",
            details=DETAILS,
        )
        for trouble in found
    ]
    wrong = {trouble.about for trouble in found}
    over = [Withdrawal(f"{_KEY}{about}", "It is over.") for about in TITLES if about not in wrong]
    apply(scope(), work, over, now)
    return 0


def _is_anything_told() -> bool:
    with connection.cursor() as cursor:
        cursor.execute(_TOLD, [KIND])
        return cursor.fetchone() is not None
