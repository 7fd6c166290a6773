"""Chromium keeps the content policy on every page that somebody can open by a click: nothing is refused by it, nothing
is loaded from elsewhere; and what the policy is for does not run."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest

from tests.browser.conftest import sign_in

pytestmark = pytest.mark.browser

PAGES = ("/today", "/people", "/front-door", "/review", "/library", "/people/new", "/account")
LISTEN = """
window.refused = [];
document.addEventListener("securitypolicyviolation", (event) => {
  window.refused.push(`${event.effectiveDirective} ${event.blockedURI} ${event.sourceFile}:${event.lineNumber}`);
});
"""


def watched(page: Any) -> tuple[list[str], list[str]]:
    """(what the policy refused, addresses elsewhere that were asked for), as they gather."""
    refused: list[str] = []
    elsewhere: list[str] = []
    page.add_init_script(LISTEN)
    page.on("request", lambda asked: elsewhere.append(asked.url) if not is_ours(asked.url) else None)
    return refused, elsewhere


def is_ours(url: str) -> bool:
    return url.startswith(("http://127.0.0.1:", "data:", "about:"))


def test_nothing_is_refused_on_any_page(open_page: Callable[..., Any], community: Any) -> None:
    page = open_page()
    refused, elsewhere = watched(page)
    sign_in(page, "ana.reyes@careloop.example")
    seen, waiting = set(), list(PAGES)
    while waiting and len(seen) < 40:
        address = waiting.pop(0)
        kind = re.sub(r"/[0-9a-f-]{20,}|/\d+", "/…", address.partition("?")[0])
        if kind in seen:
            continue
        seen.add(kind)
        answer = page.goto(address)
        if answer is None or "text/html" not in answer.headers.get("content-type", ""):
            continue
        refused += page.evaluate("window.refused")
        links = page.eval_on_selector_all("a[href^='/']", "all => all.map((one) => one.getAttribute('href'))")
        waiting += [
            link.partition("#")[0] for link in links if "sign-out" not in link and not link.endswith(".pdf")
        ]
    assert refused == []
    assert elsewhere == []
    assert len(seen) > 15, seen


def test_what_the_policy_is_for_does_not_run(chromium: Any, live: Any) -> None:
    """The negative control: the same listener hears each way in which a stranger's words would act."""
    context = chromium.new_context(base_url=live.url)
    page = context.new_page()
    watched(page)
    page.goto("/sign-in")
    attacks = (
        "const s = document.createElement('script'); s.textContent = 'window.hit = 1'; document.body.append(s);",
        "document.body.insertAdjacentHTML('beforeend', '<img src=x onerror=\"window.hit = 1\">');",
        "document.body.insertAdjacentHTML('beforeend', '<style>body { color: red }</style>');",
        "document.body.insertAdjacentHTML('beforeend', '<iframe src=\"https://evil.example/\"></iframe>');",
        "const b = document.createElement('base'); b.href = 'https://evil.example/'; document.head.append(b);",
        "fetch('https://evil.example/').catch(() => 0);",
        "setTimeout('window.hit = 1');",
        "new Image().src = 'https://evil.example/pixel.gif';",
    )
    for attack in attacks:
        before = len(page.evaluate("window.refused"))
        page.evaluate(f"() => {{ try {{ {attack} }} catch {{ }} }}")
        page.wait_for_function("(count) => window.refused.length > count", arg=before, timeout=5_000)
    assert page.evaluate("window.hit") is None
    context.close()
