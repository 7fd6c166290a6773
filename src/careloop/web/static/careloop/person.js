/* Rows of work outside Today: one is selected, its keys work, and after an act the next one is under the hand.
   Every page works without it. */
"use strict";

(() => {
  const list = () => document.querySelector("[data-rows]");
  const rows = () => [...(list()?.querySelectorAll(".row") || [])];
  const current = () => list()?.querySelector(".row[aria-current=true]");
  let place = 0;

  function select(row, focus) {
    if (!row) return;
    rows().forEach((other) => other !== row && other.removeAttribute("aria-current"));
    row.setAttribute("aria-current", "true");
    place = rows().indexOf(row);
    if (focus) row.querySelector(".act")?.focus();
  }

  document.addEventListener("click", (event) => {
    const row = event.target.closest("[data-rows] .row");
    if (row) select(row);
  });
  document.addEventListener("focusin", (event) => {
    const row = event.target.closest("[data-rows] .row");
    if (row && row !== current()) select(row);
  });
  document.addEventListener("keydown", (event) => {
    if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey || !rows().length) return;
    if (window.careloop.inField(event.target) || document.querySelector("dialog[open]")) return;
    if (event.key !== "j" && event.key !== "k") return;
    event.preventDefault();
    const at = rows().indexOf(current()) + (event.key === "j" ? 1 : -1);
    select(rows()[Math.min(Math.max(at, 0), rows().length - 1)], true);
  });

  /* The section was fetched anew after an act: the focus stays in it. */
  document.addEventListener("htmx:afterSettle", (event) => {
    if (event.detail.target.id !== "content" && event.detail.elt?.id !== "content") return;
    const all = rows();
    if (all.length) select(all[Math.min(place, all.length - 1)], true);
    else document.getElementById("content")?.focus();
  });

  select(rows()[0]);
  const here = document.querySelector("#sections [aria-current]");
  if (here) here.parentElement.scrollLeft = here.offsetLeft - (here.parentElement.clientWidth - here.offsetWidth) / 2;
})();
