/* The lists of the front door and the review room: j and k walk, the keys of a row answer for the row that is chosen. */
"use strict";

(() => {
  const rows = () => [...document.querySelectorAll(".queue .row")];
  const chosen = () => document.querySelector(".queue .row[aria-current=true]");

  function choose(row, { focus } = {}) {
    if (!row) return;
    chosen()?.removeAttribute("aria-current");
    row.setAttribute("aria-current", "true");
    row.scrollIntoView({ block: "nearest" });
    if (focus) row.querySelector("a.act")?.focus();
  }

  document.addEventListener("keydown", (event) => {
    const step = { j: 1, k: -1 }[event.key];
    if (!step || event.ctrlKey || event.metaKey || event.altKey || document.querySelector("dialog[open]")) return;
    if (window.careloop.inField(event.target)) return;
    const all = rows();
    event.preventDefault();
    choose(all[Math.min(Math.max(all.indexOf(chosen()) + step, 0), all.length - 1)], { focus: true });
  });
  // While a button of the mouse is down nothing moves: what is pressed must still be there when it is let go.
  let isPressed = false;
  document.addEventListener("pointerdown", () => { isPressed = true; });
  ["pointerup", "pointercancel"].forEach((name) => document.addEventListener(name, () => { isPressed = false; }));
  document.addEventListener("focusin", (event) => { if (!isPressed) choose(event.target.closest(".queue .row")); });
  document.addEventListener("click", (event) => choose(event.target.closest(".queue .row")));
  if (!chosen()) choose(rows()[0]);
})();
