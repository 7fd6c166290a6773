"""A real message of long ago, as if it had been sent today: its event yesterday, its person in Houston."""

from __future__ import annotations

import re
from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo

HOUSTON = ZoneInfo("America/Chicago")
ADDRESS = "2210 Bissonnet St^^Houston^TX^77002^USA^H"


def redated(
    raw: bytes, now: datetime, *, control: str, zone: ZoneInfo = HOUSTON, days_ago: int = 1, **fields: str
) -> bytes:
    """An ADT message with MSH-7, MSH-10, EVN-2, PV1-44 and PV1-45 (where it has them) and PID-11 written anew.

    fields: further ones, e.g. PID_5="DUARTE^MARIA", PV1_36="01". The stay lasted three days and ended at 16:20.
    """
    left = datetime.combine(now.astimezone(zone).date() - timedelta(days=days_ago), time(16, 20), tzinfo=zone)
    given = {
        "MSH_7": stamp(now.astimezone(zone)),
        "MSH_10": control,
        "EVN_2": stamp(left + timedelta(minutes=5)),
        "PID_11": ADDRESS,
        "PV1_44": stamp(left - timedelta(days=3)),
        **fields,
    }
    text = raw.decode("utf-8-sig")
    ends = _field(text, "PV1", 45) or "^A03" in text.split("\r")[0].split("\n")[0]
    if ends and "PV1_45" not in given:
        given["PV1_45"] = stamp(left)
    for name, value in given.items():
        segment, number = name.split("_")
        text = with_field(text, segment, int(number), value)
    return text.encode()


def stamp(at: datetime) -> str:
    return at.strftime("%Y%m%d%H%M%S%z")


def with_field(text: str, segment: str, number: int, value: str) -> str:
    """The first segment of that name with field `number` set; unchanged where there is no such segment."""
    lines = re.split(r"(\r\n|\r|\n)", text)
    for at, line in enumerate(lines):
        if line.startswith(segment + "|"):
            parts = line.split("|")
            index = number - 1 if segment == "MSH" else number
            parts += [""] * (index + 1 - len(parts))
            parts[index] = value
            lines[at] = "|".join(parts)
            break
    return "".join(lines)


def _field(text: str, segment: str, number: int) -> str:
    for line in re.split(r"\r\n|\r|\n", text):
        if line.startswith(segment + "|"):
            parts = line.split("|")
            return parts[number] if number < len(parts) else ""
    return ""
