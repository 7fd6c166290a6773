"""Messages of St. Luke's, as short as they can be."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from careloop import projections, store
from careloop.access import Scope, system_actor
from careloop.accounts.models import Principal, Sender
from careloop.connect.hl7v2 import process, receive
from careloop.connect.hl7v2.acknowledge import Ack
from careloop.store import Stored, inbox
from careloop.store.inbox import Message

CHICAGO = ZoneInfo("America/Chicago")
HOUSE = Scope(system_actor("rebuild"), "command", "maintenance")
HERE = "127.0.0.1"

MARIA = "DUARTE^MARIA^E"
PLACE = "2210 Bissonnet St^^Houston^TX^77002^USA^H"


def at(text: str) -> str:
    """“Nov 20 16:20” of this year in Chicago as an HL7 time with its offset."""
    when = datetime.strptime(f"2026 {text}", "%Y %b %d %H:%M").replace(tzinfo=CHICAGO)
    return when.strftime("%Y%m%d%H%M%S%z")


def adt(
    event: str,
    *,
    said: str = "Nov 20 16:30",
    control: str = "",
    mrn: str = "4711",
    name: str = MARIA,
    born: str = "19590304",
    sex: str = "F",
    phone: str = "7135550142",
    place: str = PLACE,
    visit: str = "V1",
    klass: str = "I",
    came: str = "Nov 17 09:00",
    left: str = "",
    to: str = "",
    died: str = "",
    nk1: str = "",
    dg1: str = "",
    in1: str = "",
    extra: str = "",
) -> bytes:
    pv1 = [""] * 46
    pv1[0], pv1[2], pv1[7], pv1[19], pv1[36] = "PV1", klass, "1122^Alaz^Mohammed^^^Dr.", visit, to
    pv1[44], pv1[45] = at(came) if came else "", at(left) if left else ""
    pid = [""] * 31
    pid[0], pid[3], pid[5], pid[7], pid[8] = "PID", f"{mrn}^^^STL^MR" if mrn else "", name, born, sex
    pid[11], pid[13], pid[30] = place, phone, died
    lines = [
        f"MSH|^~\\&|EPIC|STLUKES|CARELOOP|BAYVIEW|{at(said)}||ADT^{event}|{control or f'{event}{said}'}|P|2.5.1",
        f"EVN|{event}|{at(said)}",
        "|".join(pid).rstrip("|"),
        *(line for line in (nk1,) if line),
        "|".join(pv1).rstrip("|"),
        *(line for line in (dg1, in1, extra) if line),
    ]
    return ("\r".join(lines) + "\r").encode()


class Hospital:
    """St. Luke's feed for Bayview, and what became of what it sent."""

    def __init__(self, now: datetime, **sender: Any) -> None:
        self.now = now
        self.name = sender.get("name", "stlukes")
        principal = Principal.objects.create(kind="sender", name=self.name)
        told = {"peers": ["127.0.0.0/8"], "site": "bayview", "hospital": "stlukes", "zone": "America/Chicago"}
        self.sender = Sender.objects.create(**{"principal": principal, "name": self.name, **told, **sender})
        with self.house() as unit:
            for id, name, zip_code in (("bayview", "Bayview", "77002"), ("stlukes", "St. Luke’s", "77030")):
                place = [{"city": "Houston", "state": "TX", "postalCode": zip_code}]
                made = {"resourceType": "Organization", "id": id, "name": name, "address": place}
                unit.update(made, create=True)

    def house(self) -> store.Unit:
        return store.open(HOUSE, now=self.now, projectors=projections.ALL)

    def send(self, *messages: bytes) -> list[Ack]:
        return [receive.accept(raw, HERE, self.now) for raw in messages]

    def tell(self, *messages: bytes) -> None:
        """Each is sent, accepted and processed before the next."""
        for raw in messages:
            (ack,) = self.send(raw)
            assert ack.code == "AA", ack.reason
            process.run(self.now)
            self.now += timedelta(seconds=1)

    def all(self, kind: str) -> list[dict[str, Any]]:
        with self.house() as unit:
            return [self.plain(entry) for entry in unit.search(kind, {"_count": "200"}).entries]

    def one(self, kind: str) -> dict[str, Any]:
        (found,) = self.all(kind)
        return found

    @staticmethod
    def plain(stored: Stored) -> dict[str, Any]:
        return stored.resource

    def inbox(self, *states: str) -> list[Message]:
        with self.house() as unit:
            return inbox.listed(unit, states or ("new", "done", "held", "review", "refused", "quarantined"))  # type: ignore[arg-type]

    def tasks(self, kind: str) -> list[dict[str, Any]]:
        return [task for task in self.all("Task") if task["code"]["coding"][0]["code"] == kind]
