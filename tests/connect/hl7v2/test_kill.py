"""Killed in the middle, a message is taken in once: wholly or not at all, and then by the next who comes."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from urllib.parse import quote

from django.conf import settings
from django.db import connections

from careloop.connect.hl7v2 import process
from tests.connect.hl7v2.messages import Hospital, adt

DIES = """
import os, signal, sys
import django; django.setup()
from datetime import datetime
from careloop.connect.hl7v2 import process
from careloop.store import inbox
when, now = sys.argv[1], datetime.fromisoformat(sys.argv[2])
real = inbox.finish
def finish(*given, **more):
    real(*given, **more)
    os.kill(os.getpid(), signal.SIGKILL)
if when == "before the commit":
    inbox.finish = finish
assert process.run(now, limit=1) == 1
os.kill(os.getpid(), signal.SIGKILL)
"""


def dies(hospital: Hospital, when: str) -> None:
    found = connections["default"].settings_dict
    who = f"{quote(found['USER'])}:{quote(found['PASSWORD'] or '')}"
    url = f"postgresql://{who}@/{found['NAME']}?host={found['HOST']}&port={found['PORT'] or 5432}"
    environment = {**os.environ, "DATABASE_URL": url, "CARELOOP_HOME": str(settings.HOME)}
    done = subprocess.run(
        [sys.executable, "-c", DIES, when, hospital.now.isoformat()], env=environment, check=False
    )
    assert done.returncode == -signal.SIGKILL


def test_a_worker_that_is_killed_leaves_no_half_and_no_double(hospital: Hospital) -> None:
    hospital.send(adt("A01"), adt("A03", left="Nov 20 16:20", to="01"))
    dies(hospital, "before the commit")
    assert [m.state for m in hospital.inbox()] == ["new", "new"]
    assert hospital.all("Patient") == []
    dies(hospital, "after the commit")
    assert [m.state for m in hospital.inbox()] == ["new", "done"]
    while process.run(hospital.now):
        pass
    assert (len(hospital.all("Patient")), len(hospital.all("Encounter"))) == (1, 1)
    assert [m.state for m in hospital.inbox()] == ["done", "done"]
