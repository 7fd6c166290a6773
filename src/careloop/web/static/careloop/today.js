/* Today's list: one row is selected, the card follows it, and the list is asked again by conditional GET.
   A poll never takes the focus, never moves what is being read, and never keeps a session alive. */
"use strict";

(() => {
  const board = document.getElementById("board");
  if (!board) return;
  const rows = () => [...board.querySelectorAll(".row")];
  const current = () => board.querySelector(".row[aria-current=true]");
  const cards = new Map();
  let cardTimer = 0;

  // -- selection -----------------------------------------------------------------------------------------------
  let choices = 0; // made by hand: what comes back late from the server never takes one away

  function choose(row, options) {
    choices += 1;
    select(row, options);
  }

  function select(row, { focus = false } = {}) {
    if (!row) return;
    rows().forEach((other) => other !== row && other.removeAttribute("aria-current"));
    row.setAttribute("aria-current", "true");
    if (focus) {
      row.querySelector(".act")?.focus({ preventScroll: true });
      row.scrollIntoView({ block: "nearest" });
    }
    clearTimeout(cardTimer);
    cardTimer = setTimeout(() => showCard(row), 120);
  }

  async function showCard(row) {
    const slot = document.getElementById("card");
    const url = row.dataset.card || "";
    if (slot.dataset.shows === url) return;
    const kept = cards.get(url);
    let html = kept && Date.now() - kept.at < 60000 ? kept.html : null;
    if (html === null && url) {
      const answer = await fetch(url, { headers: { "HX-Request": "true" }, credentials: "same-origin" }).catch(() => null);
      if (!answer?.ok || answer.redirected) return;
      html = await answer.text();
      cards.set(url, { html, at: Date.now() });
    }
    if (row !== current()) return;
    slot.dataset.shows = url;
    slot.innerHTML = html || "";
    document.dispatchEvent(new Event("card-changed"));
  }

  board.addEventListener("click", (event) => {
    const row = event.target.closest(".row");
    if (row) choose(row);
  });
  /* Not while the pointer is down: selecting folds the buttons of the row above, and what was pressed would slip away
     from under the finger before it is let go. The click selects. */
  let isPressing = false;
  document.addEventListener("pointerdown", () => { isPressing = true; });
  for (const end of ["pointerup", "pointercancel"]) document.addEventListener(end, () => setTimeout(() => { isPressing = false; }));
  board.addEventListener("focusin", (event) => {
    const row = event.target.closest(".row");
    if (row && row !== current() && !isPressing && !isMerging) choose(row);
  });

  function step(by) {
    const all = rows();
    if (!all.length) return;
    const at = all.indexOf(current());
    choose(all[Math.min(Math.max(at + by, 0), all.length - 1)], { focus: true });
  }

  document.addEventListener("keydown", (event) => {
    if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey) return;
    if (window.careloop.inField(event.target) || document.querySelector("dialog[open]")) return;
    if (event.key === "j" || event.key === "k") {
      event.preventDefault();
      step(event.key === "j" ? 1 : -1);
    } else if (event.key === "Enter" && (event.target === document.body || event.target.id === "content")) {
      current()?.querySelector(".act")?.click();
    }
  });

  // -- asking again --------------------------------------------------------------------------------------------
  let etag = board.dataset.etag;
  let failures = 0;
  let timer = 0;
  let asking = null;
  const fast = Number(board.dataset.every || 1000);
  let moved = Date.now();
  ["pointermove", "keydown", "scroll", "focusin"].forEach((kind) => document.addEventListener(kind, () => { moved = Date.now(); }, { passive: true }));

  function later(ms) {
    clearTimeout(timer);
    timer = setTimeout(() => ask(), ms);
  }

  function ask() {
    if (document.hidden) return Promise.resolve();
    asking ??= fetchBoard().finally(() => { asking = null; });
    return asking;
  }

  async function fetchBoard() {
    const began = performance.now();
    try {
      const answer = await fetch(board.dataset.poll, {
        headers: { "If-None-Match": etag, "X-Careloop-Poll": "1", "HX-Request": "true" },
        cache: "no-store", credentials: "same-origin", redirect: "manual",
      });
      if (answer.type === "opaqueredirect" || answer.status === 401) {
        window.careloop.ended();
        return later(5000); // signed in beside it, the page goes on
      }
      window.careloop.resumed();
      if (answer.status === 200) {
        etag = answer.headers.get("ETag") || etag;
        merge(await answer.text());
      } else if (answer.status !== 304) throw new Error(String(answer.status));
      if (failures > 2) document.getElementById("poll-state").hidden = true;
      failures = 0;
    } catch {
      failures += 1;
      if (failures === 3) tell(window.careloop.words("offline"));
    }
    // A busy server is asked less often; a page nobody touches too.
    const took = performance.now() - began;
    const calm = Date.now() - moved > 120000 ? 5 : 1;
    later(Math.min(30000, Math.max(fast * calm, took * 20) * 2 ** Math.min(failures, 5)));
  }

  function tell(text) {
    const state = document.getElementById("poll-state");
    state.textContent = text;
    state.hidden = false;
  }

  /* Rows that did not change stay the very same nodes; what is under the eyes stays where it is. */
  let isMerging = false;
  function merge(html) {
    isMerging = true;
    try {
      mergeRows(html);
    } finally {
      isMerging = false;
    }
  }

  function mergeRows(html) {
    const fresh = new DOMParser().parseFromString(html, "text/html").getElementById("board");
    if (!fresh) return;
    const anchor = anchorRow();
    const focused = focusPlace();
    const known = new Map(rows().map((row) => [row.dataset.row, row]));
    const selected = current()?.dataset.row;
    const at = rows().indexOf(current());
    fresh.querySelectorAll(".row").forEach((row) => {
      row.removeAttribute("aria-current");
      const old = known.get(row.dataset.row);
      if (old && old.dataset.stamp === row.dataset.stamp) row.replaceWith(old);
      else if (old) keepOpen(old, row);
      else row.classList.add("arrived");
    });
    keepOpen(board, fresh, "details.fold");
    const arrived = [...fresh.querySelectorAll(".row.arrived")];
    board.replaceChildren(...fresh.childNodes);
    window.htmx?.process(board);
    const all = rows();
    select(all.find((row) => row.dataset.row === selected) || all[Math.min(Math.max(at, 0), all.length - 1)], { focus: focused === "gone" });
    restoreFocus(focused);
    if (anchor) keepInPlace(anchor);
    for (const name of ["title", "lede"]) {
      const now = document.getElementById(`today-${name}`), then = fresh.dataset[name];
      if (now && then !== undefined && now.innerHTML !== then) now.innerHTML = then;
    }
    const tabs = new DOMParser().parseFromString(html, "text/html").getElementById("today-tabs");
    const shown = document.getElementById("today-tabs");
    if (tabs && shown && !shown.contains(document.activeElement) && shown.innerHTML !== tabs.innerHTML) shown.replaceChildren(...tabs.childNodes);
    if (arrived.length) document.getElementById("arrivals").textContent = arrived.map((row) => row.dataset.says).join(". ");
  }

  /* What she unfolded stays unfolded. */
  function keepOpen(old, fresh, what = "details") {
    const before = old.querySelectorAll(what);
    fresh.querySelectorAll(what).forEach((fold, n) => { if (before[n]?.open) fold.open = true; });
  }

  function anchorRow() {
    const seen = [current(), ...rows()].filter(Boolean).map((row) => ({ id: row.dataset.row, top: row.getBoundingClientRect().top }));
    return seen.find((row) => row.top >= 0 && row.top < innerHeight) || null;
  }

  function keepInPlace({ id, top }) {
    const row = rows().find((each) => each.dataset.row === id);
    if (row && scrollY > 0) scrollBy({ top: row.getBoundingClientRect().top - top, behavior: "instant" });
  }

  function focusPlace() {
    const node = document.activeElement;
    const row = node?.closest?.("#board .row");
    return row ? { row: row.dataset.row, key: node.dataset.key || "", node } : null;
  }

  function restoreFocus(place) {
    if (!place || place.node.isConnected && document.activeElement === place.node) return;
    const row = rows().find((each) => each.dataset.row === place.row) || current();
    const node = place.node.isConnected ? place.node : row?.querySelector(place.key ? `[data-key="${place.key}"]` : ".act");
    node?.focus({ preventScroll: true });
  }

  /* After an act the list is asked at once, and the next row is under the hand. */
  document.addEventListener("work-changed", async () => {
    const at = rows().indexOf(current());
    const id = current()?.dataset.row;
    const before = choices;
    cards.clear(); // what was just done may stand on it
    document.getElementById("card").removeAttribute("data-shows");
    if (asking) await asking;
    await ask();
    if (choices !== before || document.querySelector("dialog[open]")) return;
    const all = rows();
    const still = all.find((row) => row.dataset.row === id);
    select(still && all.indexOf(still) === at ? still : all[Math.min(Math.max(at, 0), all.length - 1)], { focus: true });
  });
  document.addEventListener("visibilitychange", () => { if (!document.hidden) ask(); });

  const first = current() || rows()[0];
  if (first) {
    first.setAttribute("aria-current", "true");
    const slot = document.getElementById("card");
    if (slot.querySelector(".card")) slot.dataset.shows = first.dataset.card || "";
    else showCard(first);
  }
  later(fast);
})();
