"""One message that the hospital's feed has just sent: it fits two people of one name, so that a person must decide."""

# ruff: noqa: E501  (a segment stays whole)

from __future__ import annotations

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from careloop import library, store
from careloop.access import Scope, system_actor
from careloop.accounts.models import Sender
from careloop.connect.hl7v2 import process, receive
from careloop.server.demo.days import Days
from careloop.server.demo.sign_ins import SENDER

ZONE = "America/Chicago"


def send_unclear_discharge(days: Days, now: datetime) -> None:
    """Dolores Rivera goes home from St. Luke's, with a number that nobody here knows. Sent once."""
    if _was_sent(now):
        return
    receive.accept(
        unclear_discharge(days, now).encode(), "127.0.0.1", now, sender=Sender.objects.get(name=SENDER)
    )
    while process.run(now, library.load()):
        pass


def _was_sent(now: datetime) -> bool:
    with store.open(Scope(system_actor("demo"), "command", "maintenance"), now=now) as unit:
        row = (
            unit.cursor().execute("select exists (select from inbox where source = %s)", [SENDER]).fetchone()
        )
    return row == (True,)


def unclear_discharge(days: Days, now: datetime) -> str:
    """An ADT^A03 as a hurried clerk writes it: the address of one Dolores, the phone of the other, and a birth date
    that is a digit away from both."""
    sent = (now - timedelta(minutes=9)).astimezone(ZoneInfo(ZONE))
    left = sent - timedelta(minutes=50)
    came = left - timedelta(days=3)
    born = days.born(71, 4, 11).replace("-", "")
    segments = (
        f"MSH|^~\\&|ADT|STLUKES|CARELOOP|CARELOOP|{_stamp(sent)}||ADT^A03^ADT_A03|SL{sent:%m%d}0417|P|2.5.1",
        f"EVN|A03|{_stamp(sent)}",
        f"PID|1||SL-90417^^^STLUKES&2.16.840.1.113883.19.5.12&ISO^MR||Rivera^Dolores||{born}|F|||1405 Sampson Street^^Houston^TX^77003||^PRN^PH^^1^713^5550172|||||||||||||||||",
        f"PV1|1|I|4W^412^A|||||||MED||||||||||SLV90417^^^STLUKES&2.16.840.1.113883.19.5.12&ISO^VN|||||||||||||||||01|||||||||{_stamp(came)}|{_stamp(left)}",
        "DG1|1||J44.1^COPD with an acute worsening^I10|||A",
    )
    return "\r".join(segments) + "\r"


def _stamp(at: datetime) -> str:
    return f"{at:%Y%m%d%H%M%S%z}"
