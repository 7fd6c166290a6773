"""A made-up community to look at Careloop with: `careloop demo` prepares it once and starts the server."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from careloop.server.demo.family import Way
    from careloop.server.demo.sign_ins import SignIn
    from careloop.store import Unit


@dataclass(frozen=True)
class Summary:
    """people: how many the community was made with. is_new: made just now rather than found. token: bearer token of
    the API client `demo`, which may read and write everything here."""

    people: int
    resources: int
    is_new: bool
    password: str
    token: str
    sign_ins: tuple[SignIn, ...]
    family: tuple[Way, ...] = ()

    def text(self, *, port: int, hl7_port: int) -> str:
        """What the command prints: the address and a sign-in for each role."""
        lines = [f"Careloop is at http://127.0.0.1:{port}  (made-up people, this machine only)"]
        if self.is_new:
            lines.append(f"Wrote {self.resources:,} resources about {self.people:,} people.")
        if hl7_port:
            lines.append(f"HL7 v2 over MLLP: 127.0.0.1:{hl7_port}, sender stlukes")
        lines.append(f"FHIR: http://127.0.0.1:{port}/fhir  Authorization: Bearer {self.token}")
        lines.append(f"Password of everyone: {self.password}")
        lines.append("CARELOOP_DEMO=1: these made-up people sign in without a second step; nobody else may.")
        lines.append(
            f"Passkeys to try out need http://localhost:{port}; browsers make none for a bare number."
        )
        width = max(len(one.email) for one in self.sign_ins)
        lines += [
            f"  {one.email:<{width}}  {one.role:<15}  {', '.join(filter(None, (one.name, one.credentials, one.place)))}"
            for one in self.sign_ins
        ]
        if self.family:
            lines.append(
                f"Patients and families: http://127.0.0.1:{port}/my  Codes by phone are written to codes.txt."
            )
            lines += [way.text() for way in self.family]
        return "\n".join(lines)


def prepare(*, home: Path, people: int, seed: int, today: date) -> Summary:
    """The community of that seed in the record, and its accounts; made the first time, found after that. What was cut
    off is finished; an emptied database is filled again."""
    from careloop.access import Scope, system_actor
    from careloop.actions.record import begin
    from careloop.kernel.clock import system_clock
    from careloop.server.demo.community import Community
    from careloop.server.demo.days import Days
    from careloop.server.demo.family import make_family
    from careloop.server.demo.load import begin_reactions_here, is_there, load
    from careloop.server.demo.message import ZONE, send_unclear_discharge
    from careloop.server.demo.sign_ins import PASSWORD, make_accounts, sign_ins, token
    from careloop.server.demo.watching import watch

    community, now = Community(seed), system_clock()
    scope = Scope(system_actor("demo"), "command", "maintenance")

    def open_unit() -> Unit:
        return begin(scope, now)

    stamp = home / f"demo-{seed}"
    is_new = not (stamp.exists() and is_there(open_unit, people, seed, today))
    written = 0
    if is_new:
        written = load(open_unit, people, seed, today=today, now=now)
        begin_reactions_here(open_unit)
    make_accounts(community, now)
    family = make_family(community, now)
    days = Days(today, now, ZONE)
    watch(community, days, now)
    if is_new:
        send_unclear_discharge(days, now)
        stamp.write_text(f"{people} people, {today}\n")
    return Summary(people, written, is_new, PASSWORD, token(home, now), sign_ins(community), family)
