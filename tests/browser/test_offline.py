"""The assessment without a network, in a real browser: taken along, cut off in the middle, closed and opened again,
sent by itself, once; and what must not happen on the way."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from wsgiref.simple_server import make_server

import pytest

from careloop import store
from careloop.kernel.clock import MovableClock
from careloop.library import load
from careloop.server.demo.chart import ident
from tests.browser.conftest import ARGS, CHROMIUM, _Quiet, _Server, sign_in
from tests.browser.looking import look
from tests.projections.ward import HOUSE

pytestmark = pytest.mark.browser
PHQ = load().instruments["phq-9"].scoring.items
ANA = "ana.reyes@careloop.example"
PASSWORD = "a quiet Monday morning"


class Wire:
    """The server as the network has it: it can go away and come back at the same address, and lose its answers on the
    way after they were given."""

    def __init__(self, clock: MovableClock) -> None:
        from django.core.wsgi import get_wsgi_application

        self.clock, self.port, self.server = clock, 0, None
        self.lost: list[str] = []
        self.losing = 0
        self.held: threading.Event | None = None
        self.application = get_wsgi_application()

    def __call__(self, environ: Any, start: Any) -> Any:
        from django.db import close_old_connections

        try:
            answer = self.application(environ, start)
            if self.held and environ["PATH_INFO"] == "/offline/send":
                self.held.wait(30)
            if self.losing and environ["PATH_INFO"] == "/offline/send":
                self.losing -= 1
                self.lost.append(b"".join(answer).decode())
                raise ConnectionResetError
            return answer
        finally:
            close_old_connections()

    def up(self) -> None:
        self.server = make_server("127.0.0.1", self.port, self, server_class=_Server, handler_class=_Quiet)
        self.port = self.server.server_port
        threading.Thread(
            target=self.server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True
        ).start()

    def down(self) -> None:
        if self.server is not None:
            self.server.shutdown()
            self.server.server_close()
            self.server = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"


class Device:
    """One browser's profile, that outlives the browser."""

    def __init__(self, chromium: Any, profile: Path, wire: Wire) -> None:
        self.chromium, self.profile, self.wire = chromium, profile, wire
        self.faults: list[str] = []
        self.context: Any = None

    def open(self, width: int = 1360, height: int = 900, language: str = "en-US") -> Any:
        self.context = self.chromium.launch_persistent_context(
            str(self.profile),
            executable_path=CHROMIUM,
            args=ARGS,
            viewport={"width": width, "height": height},
            locale=language,
            base_url=self.wire.url,
            reduced_motion="reduce",
        )
        page = self.context.pages[0]
        page.set_default_timeout(20_000)
        self.context.on("page", self._watch)
        self._watch(page)
        return page

    def _watch(self, page: Any) -> None:
        page.on("pageerror", lambda error: self.faults.append(str(error)))
        page.on(
            "console",
            lambda said: self.faults.append(said.text) if "Content Security Policy" in said.text else None,
        )

    def close(self) -> None:
        if self.context is not None:
            self.context.close()
            self.context = None


@pytest.fixture
def wire(record: None, live: Any) -> Iterator[Wire]:
    found = Wire(live.clock)
    found.up()
    yield found
    found.down()


@pytest.fixture
def device(chromium: Any, wire: Wire, tmp_path: Path, community: Any) -> Iterator[Device]:
    found = Device(chromium.browser_type, tmp_path / "profile", wire)
    yield found
    found.close()
    assert not found.faults


@pytest.fixture
def maria(community: Any) -> str:
    return ident(community.seed, "Patient", "maria-duarte")


def take_along(page: Any, maria: str) -> None:
    page.goto(f"/people/{maria}/take-along")
    page.get_by_label("Your password").fill(PASSWORD)
    page.get_by_role("button", name="Take along").click()
    page.wait_for_url("**/offline/")


def unlock(page: Any, password: str = PASSWORD) -> None:
    page.locator("#password").fill(password)
    page.keyboard.press("Enter")


def begin(page: Any, name: str) -> None:
    page.locator(".offers li", has_text=name).get_by_role("button").click()
    page.locator("form.assess-begin button.main").click()
    page.locator(".question[aria-current]").wait_for()


def answered(page: Any, n: int, total: int) -> None:
    page.locator(".assess-head .num", has_text=re.compile(rf"^{n} (of|de) {total}$")).wait_for()


def responses(person: str, now: Any, instrument: str) -> list[dict[str, Any]]:
    with store.open(HOUSE, now=now) as unit:
        rid = unit.rid_of(f"Patient/{person}")
        assert rid is not None
        found = [each.resource for each in unit.of_person(rid, ["QuestionnaireResponse"])]
    return [
        each
        for each in found
        if each.get("questionnaire", "").startswith(f"urn:careloop:instrument:{instrument}|")
    ]


def test_cut_off_in_the_middle_closed_and_opened_again_nothing_is_lost_and_nothing_doubled(
    device: Device, wire: Wire, maria: str
) -> None:
    before = len(responses(maria, wire.clock(), "phq-9"))
    page = sign_in(device.open(), ANA)
    page.goto(f"/people/{maria}/take-along")
    look(page, "offline-take-wide")
    take_along(page, maria)
    unlock(page)
    page.get_by_text("Maria Duarte").first.wait_for()
    look(page, "offline-list-wide")
    begin(page, "PHQ-9")
    for n, key in enumerate("232", 1):
        page.keyboard.press(key)
        answered(page, n, 10)
    wire.down()
    page.context.set_offline(True)
    for n, key in enumerate("11", 4):
        page.keyboard.press(key)
        answered(page, n, 10)
    page.get_by_text("Not sent yet").first.wait_for()
    look(page, "offline-asking-wide")
    page.wait_for_timeout(300)
    device.close()

    page = device.open()
    page.context.set_offline(True)
    page.goto("/offline/")
    page.get_by_text("1 set of answers is not sent yet.").wait_for()
    look(page, "offline-locked-wide")
    unlock(page)
    page.get_by_role("button", name="Go on").click()
    answered(page, 5, 10)
    for key in "111":
        page.keyboard.press(key)
    page.keyboard.press("1")
    answered(page, 9, 10)
    page.keyboard.press("2")
    answered(page, 10, 10)
    page.get_by_role("button", name="Finish").click()
    page.get_by_text(re.compile("Finished ")).wait_for()
    page.get_by_text("No network").wait_for()
    look(page, "offline-waits-wide")
    assert len(responses(maria, wire.clock(), "phq-9")) == before

    wire.clock.move(hours=2)
    wire.losing = 1  # the first answer gets lost on the way
    wire.up()
    page.context.set_offline(False)
    page.get_by_text("To send what is kept here, you have to sign in").wait_for(timeout=30_000)
    other = page.context.new_page()
    sign_in(other, ANA)
    other.close()
    page.locator(".notice.done", has_text="Sent: ").wait_for(timeout=40_000)
    assert wire.lost, "the answer of the first sending was lost"
    assert '"done"' in wire.lost[0]
    look(page, "offline-sent-wide")
    found = responses(maria, wire.clock(), "phq-9")
    assert len(found) == before + 1, "once"
    page.get_by_role("link", name="Open it").click()
    page.get_by_text("of 27").first.wait_for()
    page.goto(f"/people/{maria}/assessments")
    page.locator("#phq-9").get_by_text("4 of 27").first.wait_for()
    page.goto("/offline/")
    page.get_by_text("Locked.").wait_for()


def test_a_wrong_password_opens_nothing_and_signing_out_wipes_all(
    device: Device, wire: Wire, maria: str
) -> None:
    page = sign_in(device.open(), ANA)
    page.goto(f"/people/{maria}/take-along")
    page.get_by_label("Your password").fill("a quiet Sunday evening")
    page.get_by_role("button", name="Take along").click()
    page.get_by_text("That is not your password.").wait_for()
    take_along(page, maria)
    unlock(page, "a quiet Sunday evening")
    page.get_by_text("This password does not open it.").wait_for()
    assert "Maria" not in page.content()
    look(page, "offline-wrong-wide")
    kept = page.evaluate(ALL_IN_PLAIN)
    assert kept
    assert "Maria" not in kept, "nothing of her stands in plain"
    assert maria not in kept
    unlock(page)
    page.get_by_text("Maria Duarte").first.wait_for()
    begin(page, "PHQ-2")
    page.keyboard.press("2")
    answered(page, 1, 2)
    page.goto("/today")
    page.get_by_text("On this device, not sent yet").wait_for()
    look(page, "offline-today-wide")
    page.locator(".account > summary").click()
    page.get_by_role("button", name="Sign out", exact=True).click()
    page.get_by_role("heading", name="Answers on this device are not sent yet").wait_for()
    look(page, "offline-sign-out-wide")
    page.get_by_role("button", name="Stay signed in").click()
    page.locator(".account > summary").click()
    if not page.get_by_role("button", name="Sign out", exact=True).is_visible():
        page.locator(".account > summary").click()
    page.get_by_role("button", name="Sign out", exact=True).click()
    page.get_by_role("button", name="Sign out and wipe").click()
    page.wait_for_url("**/sign-in**")
    page.goto("/offline/")
    page.get_by_text("Nothing is on this device").first.wait_for()
    look(page, "offline-empty-wide")


def test_an_answer_that_is_changed_while_it_is_on_its_way_is_not_lost(
    device: Device, wire: Wire, maria: str
) -> None:
    page = sign_in(device.open(), ANA)
    take_along(page, maria)
    unlock(page)
    before = len(responses(maria, wire.clock(), "phq-2"))
    wire.clock.move(minutes=3)
    begin(page, "PHQ-2")
    page.keyboard.press("1")
    page.keyboard.press("1")
    answered(page, 2, 2)
    wire.held = threading.Event()
    with page.expect_request("**/offline/send"):
        page.get_by_role("button", name="Finish").click()
    page.get_by_role("button", name="Look through, change").click()
    page.locator(".question").nth(1).locator(".answer").nth(2).click()
    with page.expect_response("**/offline/send"):
        wire.held.set()
    wire.held = None
    page.get_by_role("button", name="Finish").click()
    page.get_by_text("finished the same questions meanwhile").wait_for()
    assert len(responses(maria, wire.clock(), "phq-2")) == before + 1
    look(page, "offline-beside-wide")
    page.get_by_text("I looked at them. Keep mine beside them.").click()
    page.get_by_role("button", name="Send it so").click()
    page.locator(".notice.done").nth(1).wait_for()
    assert len(responses(maria, wire.clock(), "phq-2")) == before + 2


def test_it_locks_itself_opens_in_one_window_and_is_the_newest_page_when_there_is_a_network(
    device: Device, wire: Wire, maria: str
) -> None:
    page = sign_in(device.open(), ANA)
    take_along(page, maria)
    page.goto("/today")
    page.locator(".account > summary").click()
    page.locator("button[name=language][value=es]").click()
    page.locator("html[lang=es]").wait_for()
    page.clock.install()
    page.goto("/offline/")
    page.locator("html[lang=es]").wait_for()
    second = page.context.new_page()
    second.goto("/offline/")
    second.get_by_text("está abierta en otra ventana").wait_for()
    second.close()
    unlock(page)
    page.get_by_text("Maria Duarte").first.wait_for()
    page.locator(".offers li", has_text="PHQ-2").get_by_role("button").click()
    page.locator("form.assess-begin button.main").click()
    page.locator(".question .answer").first.click()
    answered(page, 1, 2)
    page.clock.fast_forward("15:30")
    page.get_by_text("Nadie tocó esta página en 15 minutos").wait_for()
    assert "Maria" not in page.content()
    unlock(page)
    page.locator(".unsent button.main").click()
    answered(page, 1, 2)


ALL_IN_PLAIN = """async () => {
  const asked = (what) => new Promise((go) => { what.onsuccess = () => go(what.result); });
  const base = await asked(indexedDB.open("careloop-offline"));
  const found = [];
  for (const name of base.objectStoreNames) found.push(await asked(base.transaction(name).objectStore(name).getAll()));
  base.close();
  for (const name of await caches.keys()) {
    const kept = await caches.open(name);
    for (const one of await kept.keys()) found.push(one.url, await (await kept.match(one)).text());
  }
  const isBytes = (value) => value instanceof ArrayBuffer || ArrayBuffer.isView(value);
  const words = (value) => {
    if (isBytes(value)) return new TextDecoder("latin1").decode(value);
    return value && typeof value === "object" ? Object.values(value).map(words).join(" ") : String(value);
  };
  return words(found);
}"""


def test_on_a_phone_in_spanish_what_is_critical_speaks_without_a_network_and_goes_first(
    device: Device, wire: Wire, maria: str
) -> None:
    page = sign_in(device.open(390, 844), ANA)
    page.locator(".account > summary").click()
    page.locator("button[name=language][value=es]").click()
    page.locator("html[lang=es]").wait_for()
    page.goto(f"/people/{maria}/take-along")
    look(page, "offline-take-phone")
    page.get_by_label("Su contraseña").fill(PASSWORD)
    page.get_by_role("button", name="Llevar", exact=True).click()
    page.wait_for_url("**/offline/")
    unlock(page)
    page.get_by_text("Maria Duarte").first.wait_for()
    look(page, "offline-list-phone")
    wire.down()
    page.context.set_offline(True)
    page.locator(".offers li", has_text="PHQ-9").get_by_role("button").click()
    look(page, "offline-begin-phone")
    page.locator("form.assess-begin button.main").click()
    page.locator("#t-interest", has_text="Poco interés o placer en hacer cosas").wait_for()
    look(page, "offline-question-phone")
    for item in PHQ[:-1]:
        page.locator(f"#q-{item} .answer").first.click()
    page.locator("#q-thoughts .answer").nth(1).click()
    page.get_by_role("heading", name="Esto necesita a alguien ahora.").wait_for()
    page.get_by_text("Ningún profesional clínico lo sabe").wait_for()
    look(page, "offline-alarm-phone")
    wire.up()
    page.context.set_offline(False)
    page.get_by_text("lo tiene como urgente").wait_for(timeout=30_000)
    states = [each["status"] for each in responses(maria, wire.clock(), "phq-9")]
    assert states.count("in-progress") == 1, "the urgent answer went before the rest"
    page.locator("#safety-where").fill("en su cocina")
    page.locator(".safety .choice").first.click()
    page.locator("#q-thoughts .steps-nav button").last.click()
    page.locator("#q-difficulty .answer").first.click()
    page.locator("#q-finish[aria-current]").wait_for()
    look(page, "offline-finish-phone")
    page.get_by_role("button", name="Terminar").click()
    page.locator(".notice.done", has_text="Enviado: ").wait_for(timeout=30_000)
    look(page, "offline-sent-phone")
    after = [each["status"] for each in responses(maria, wire.clock(), "phq-9")]
    assert sorted(after) == sorted("completed" if each == "in-progress" else each for each in states)


def test_what_changed_meanwhile_is_decided_by_her_and_what_is_refused_can_be_read(
    device: Device, wire: Wire, maria: str
) -> None:
    page = sign_in(device.open(), ANA)
    page.goto(f"/people/{maria}/assess/phq-2")
    page.get_by_role("button", name="Begin").click()
    page.wait_for_url("**/assessments/*/")
    draft = page.url
    page.keyboard.press("1")
    page.get_by_text("1 of 2", exact=True).wait_for()
    page.locator("#assess-saved", has_text="Saved").wait_for()
    take_along(page, maria)
    unlock(page)
    wire.clock.move(minutes=5)
    other = page.context.new_page()
    other.goto(draft)
    other.locator(".question").first.locator(".answer").nth(3).click()
    other.locator("#assess-saved", has_text="Saved").wait_for()
    other.wait_for_timeout(500)
    other.close()
    page.locator(".offers li", has_text="PHQ-2").get_by_role("button").click()
    answered(page, 1, 2)
    page.locator(".question").first.locator(".answer").nth(1).click()
    page.locator(".question").nth(1).locator(".answer").nth(1).click()
    page.get_by_role("button", name="Finish").click()
    page.get_by_role("heading", name="Before it is sent").wait_for()
    look(page, "offline-conflict-wide")
    page.get_by_text("In the record: Nearly every day").click()
    page.get_by_role("button", name="Send it so").click()
    page.locator(".notice.done", has_text="Sent: ").wait_for()
    found = responses(maria, wire.clock(), "phq-2")
    assert "Nearly every day" in str(found[-1])

    begin(page, "Hunger")
    page.locator(".question").first.locator(".answer").first.click()
    page.locator(".question").nth(1).locator(".answer").first.click()
    answered(page, 2, 2)
    wire.clock.move(days=7, hours=1)
    page.get_by_role("button", name="Finish").click()
    page.get_by_text("you have to sign in").wait_for(timeout=30_000)
    again = sign_in(page.context.new_page(), ANA)
    again.close()
    page.get_by_role("heading", name="Could not be sent").wait_for(timeout=30_000)
    page.get_by_text("more than seven days ago").wait_for()
    look(page, "offline-refused-wide")
    page.get_by_role("button", name="Read, print").click()
    page.locator("table.given").wait_for()
    look(page, "offline-paper-wide")
