"""From an empty database to a first sign-in and a first accepted message, by the commands that the README names."""

from __future__ import annotations

import re
import shlex
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from django.test import Client, override_settings

from careloop.accounts import totp
from careloop.accounts.models import Sender, User
from careloop.connect.hl7v2 import process, receive
from careloop.server import command, middleware
from tests.conftest import REPO
from tests.connect.hl7v2.messages import adt

PASSWORD = "a long sentence of one's own"
CREATE = "sender create st-lukes --site bayview --hospital st-lukes --peer 10.20.0.0/24"


@pytest.fixture
def careloop(record: None, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Any:
    """The command over the test's record, with the places of the README imported."""
    monkeypatch.setattr(command, "ready", lambda **_: None)
    places = re.findall(r"^\s*(\{\"resourceType\":.*\})$", (REPO / "README.md").read_text(), re.MULTILINE)
    assert len(places) == 2
    (tmp_path / "sites.ndjson").write_text("\n".join(places))
    run(f"import fhir {tmp_path / 'sites.ndjson'}")
    return run


def run(line: str, typed: str = "", code: int = 0) -> Result:
    answer = CliRunner().invoke(command.main, shlex.split(line), input=typed)
    assert answer.exit_code == code, answer.output
    return answer


def of_readme(words: str) -> str:
    (found,) = re.findall(rf"^\s*careloop ({words} .*)$", (REPO / "README.md").read_text(), re.MULTILINE)
    return str(found)


def test_the_readme_leads_to_a_sign_in_and_an_accepted_message(
    careloop: Any, now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    careloop(of_readme("user create"), typed=f"{PASSWORD}\n{PASSWORD}\n")
    careloop(of_readme("sender create"))
    peer = Sender.objects.get().peers[0].partition("/")[0]
    ack = receive.accept(adt("A03", left="Nov 20 16:20", to="HHA"), peer, now)
    assert (ack.code, ack.reason) == ("AA", "")
    assert process.run(now) == 1
    monkeypatch.setattr(middleware, "clock", lambda: now)
    browser = Client()
    with override_settings(ALLOWED_HOSTS=["testserver"]):
        told = {"email": User.objects.get().email, "password": PASSWORD}
        assert browser.post("/sign-in", told).headers["Location"] == "/sign-in/second"
        page = browser.get("/sign-in/start/app").content.decode()
        (secret,) = re.findall(r"<p class=\"num secret\">([A-Z2-7 ]+)</p>", page)
        code = totp.code_at(secret.replace(" ", ""), totp.step_of(now))
        assert 'href="/today"' in browser.post("/sign-in/start/app", {"code": code}).content.decode()
        assert "duarte" in browser.get("/people?view=all").content.decode().lower()


def test_a_sender_is_set_up_listed_changed_and_disabled(careloop: Any) -> None:
    careloop(f"{CREATE} --zone America/Chicago --disposition 'A=B=home' --disposition SNF=snf --class P=IMP")
    stored = Sender.objects.get()
    assert (stored.site, stored.hospital, stored.peers) == ("bayview", "st-lukes", ["10.20.0.0/24"])
    assert (stored.dispositions, stored.classes) == ({"A=B": "home", "SNF": "snf"}, {"P": "IMP"})
    assert (stored.principal.kind, stored.principal.name) == ("sender", "st-lukes")
    careloop(
        "sender change st-lukes --peer 10.9.9.9 --facility STL --disposition SNF= --disposition HHA=home"
        " --site Organization/st-lukes"
    )
    stored.refresh_from_db()
    assert (stored.peers, stored.facility, stored.site) == (["10.9.9.9/32"], "STL", "st-lukes")
    assert stored.dispositions == {"A=B": "home", "HHA": "home"}
    assert (stored.zone, stored.classes) == ("America/Chicago", {"P": "IMP"})
    assert "st-lukes  active" in careloop("sender list").output
    assert receive.is_known("10.9.9.9")
    careloop("sender disable st-lukes")
    assert not receive.is_known("10.9.9.9")
    assert "st-lukes  disabled" in careloop("sender list").output
    careloop("sender change st-lukes --enable")
    assert receive.is_known("10.9.9.9")


@pytest.mark.parametrize(
    ("line", "says"),
    [
        (f"{CREATE} --zone Texas", "“Texas” is not a time zone"),
        (f"{CREATE} --peer 10.1.2.3/8", "write 10.0.0.0/8, or 10.1.2.3 for it alone"),
        (f"{CREATE} --peer hospital.example", "write it as 10.1.2.3 or 10.1.2.0/24"),
        (f"{CREATE} --disposition HHA=house", "a meaning is one of home, hospital, snf"),
        (f"{CREATE} --disposition HHA", "needs a code and what it means"),
        (f"{CREATE} --class P=INPATIENT", "a meaning is one of IMP, EMER"),
        (CREATE.replace("st-lukes --site", "St.Luke --site"), "letters, digits, - and _"),
        (
            CREATE.replace("bayview", "bayvue"),
            "“bayvue” is none. There are bayview (Bayview Clinic), st-lukes",
        ),
        ("sender change nobody --zone UTC", "No sender is called “nobody”; careloop sender list"),
        ("sender disable nobody", "No sender is called “nobody”"),
    ],
)
def test_what_cannot_work_is_refused_in_a_sentence(careloop: Any, line: str, says: str) -> None:
    assert says in careloop(line, code=1).stderr
    assert not Sender.objects.exists()


def test_two_senders_that_could_not_be_told_apart_are_refused(careloop: Any) -> None:
    careloop(CREATE)
    assert "There is one with this name" in careloop(CREATE, code=1).stderr
    second = CREATE.replace("create st-lukes", "create mercy")
    assert "could not be told from those of “st-lukes”" in careloop(second, code=1).stderr
    careloop(f"{second} --facility MERCY")
    assert "a --peer, --application" in careloop("sender change mercy --facility ''", code=1).stderr
    careloop("sender disable st-lukes")
    careloop("sender change mercy --facility ''")
    assert "could not be told" in careloop("sender change st-lukes --enable", code=1).stderr


def test_a_sender_without_addresses_says_that_it_cannot_connect(careloop: Any) -> None:
    answer = careloop("sender create files --site bayview --hospital st-lukes")
    assert "can't connect until it has a --peer" in answer.output
    assert "Without a --zone" in answer.output
