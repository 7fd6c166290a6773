"""A page of questions on a slow phone: bytes on the wire, and how long until the first answer can be given and is kept.

    python -m benchmarks.assess_page

Chromium at 390 x 844 with 400 kbit/s each way, 400 ms of latency and a processor four times slower (Chrome's DevTools
protocol), over the whole application as `careloop serve` starts it. First visit (what all
pages share is there from signing in) and the next one. The shortest and the longest of our instruments, and PHQ-9.
"""

from __future__ import annotations

import os
import re
import sys
import time
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
from benchmarks import _stage as stage

PASSWORD = "a quiet Monday morning"
ANA = "ana.reyes@careloop.example"
CHROMIUM = next((p for p in ("/usr/bin/chromium", "/usr/bin/chromium-browser") if Path(p).exists()), None)
SLOW_NETWORK = {
    "offline": False,
    "latency": 400,
    "downloadThroughput": 400_000 / 8,
    "uploadThroughput": 400_000 / 8,
}
SLOWER = 4
MOST_KB = 100  # on the wire, after the first visit
READY = "document.querySelector('.question[aria-current] .answer, .question[aria-current] input') !== null"


@dataclass
class Told:
    """kb: on the wire. seen, ready, kept: seconds until the question is there, can be answered, the answer is saved."""

    kb: float
    seen: float
    ready: float
    kept: float

    def __str__(self) -> str:
        return (
            f"{self.kb:6.1f} kB   question seen {self.seen:4.1f} s   can be answered {self.ready:4.1f} s"
            f"   answer kept {self.kept:4.1f} s"
        )


def drafts(names: list[str]) -> dict[str, tuple[str, int]]:
    """name -> (address of a draft, questions), about the first person of Ana's."""
    from django.test import Client, override_settings

    from careloop.accounts.models import User
    from careloop.library import load
    from careloop.server.demo.chart import ident

    client = Client()
    client.force_login(User.objects.get(email=ANA))
    maria = ident(7, "Patient", "maria-duarte")
    found = {}
    with override_settings(ALLOWED_HOSTS=["testserver"], SECURE_SSL_REDIRECT=False):
        for name in names:
            told = {"language": "en", "told_by": f"Patient/{maria}"}
            answer = client.post(f"/people/{maria}/assess/{name}", told)
            assert answer.status_code == 302, answer.status_code
            asked = load().instruments[name].form.questions
            found[name] = (f"{answer['Location']}?q={asked[0].link_id}", len(asked))
    return found


def sign_in(page: Any) -> None:
    """Not throttled, and nothing of the page of questions is kept in the browser by it but what every page shares."""
    page.goto("/sign-in")
    page.fill("#email", ANA)
    page.fill("#password", PASSWORD)
    page.press("#password", "Enter")
    page.wait_for_url(re.compile("/today|/account/new-device"))


def visit(page: Any, session: Any, address: str) -> Told:
    bytes_there = [0.0]
    session.on(
        "Network.loadingFinished",
        lambda told: bytes_there.__setitem__(0, bytes_there[0] + told["encodedDataLength"]),
    )
    begun = time.perf_counter()
    page.goto(address, wait_until="commit")
    page.wait_for_load_state("domcontentloaded")
    assert "/assessments/" in page.url, page.url
    page.wait_for_selector(".question[aria-current] .text", state="visible")
    seen = time.perf_counter() - begun
    page.wait_for_load_state("load")
    page.wait_for_function(READY)
    ready = time.perf_counter() - begun
    size = bytes_there[0] / 1000
    page.keyboard.press("1")
    page.locator("#assess-saved", has_text="Saved").wait_for()
    return Told(size, seen, ready, time.perf_counter() - begun - ready)


def measure(port: int) -> int:
    from playwright.sync_api import sync_playwright

    from careloop.library import load

    by_size = sorted(load().instruments.values(), key=lambda each: len(each.form.questions))
    names = list(dict.fromkeys([by_size[0].id, "phq-9", by_size[-1].id]))
    told = drafts(names)
    too_big = 0
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"])
        for name, (address, questions) in told.items():
            context = browser.new_context(
                viewport={"width": 390, "height": 844}, base_url=f"http://127.0.0.1:{port}"
            )
            page = context.new_page()
            page.set_default_timeout(120_000)
            sign_in(page)
            session = context.new_cdp_session(page)
            session.send("Network.enable")
            session.send("Network.emulateNetworkConditions", SLOW_NETWORK)
            session.send("Emulation.setCPUThrottlingRate", {"rate": SLOWER})
            for which in ("first", "again"):
                found = visit(page, session, address)
                too_big += which == "again" and found.kb > MOST_KB
                print(f"  {name:18} {questions:3} questions   {which:5}   {found}", flush=True)
                page.goto("about:blank")
            context.close()
        browser.close()
    return stage.SLOW if too_big else 0


def main() -> int:
    if CHROMIUM is None:
        print("no Chromium on this machine")
        return 0
    os.environ.setdefault("CARELOOP_SECRET_KEY", "only for this measure; nothing real is kept under it")
    os.environ["CARELOOP_DEMO"] = "1"  # its cookies go over plain HTTP, as on a tablet in the same room
    with ExitStack() as ending:
        home = ending.enter_context(stage.home())
        import django

        django.setup()
        import tests.signed  # noqa: F401  # force_login begins a session with it

        from careloop.kernel.clock import system_clock
        from careloop.server.demo import prepare

        prepare(home=home, people=16, seed=7, today=system_clock().date())
        port, _ = ending.enter_context(stage.server())
        print(stage.machine(home))
        return measure(port)


if __name__ == "__main__":
    sys.exit(main())
