/* Walking a proposal by keys: j and k move the choice, Escape closes what is open. The page works without it. */
"use strict";

(() => {
  const lines = () => [...document.querySelectorAll("[data-line]")];

  function choose(line, focus) {
    for (const other of lines()) other.removeAttribute("aria-current");
    line.setAttribute("aria-current", "true");
    if (focus) line.focus();
  }

  document.addEventListener("keydown", (event) => {
    if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey || document.querySelector("dialog[open]")) return;
    if (event.key === "Escape") {
      const cancel = document.querySelector("[data-cancel]");
      if (cancel && event.target.id !== "find") cancel.click();
      return;
    }
    const step = { j: 1, k: -1 }[event.key];
    if (!step || window.careloop.inField(event.target)) return;
    const all = lines();
    const at = all.findIndex((line) => line.getAttribute("aria-current") === "true") + step;
    if (!all.length) return;
    event.preventDefault();
    choose(all[Math.max(0, Math.min(at, all.length - 1))], true);
  });

  // While a press is down nothing may move, or the button slips away from under it: the click chooses.
  let pressed = false;
  document.addEventListener("pointerdown", () => { pressed = true; }, true);
  for (const name of ["pointerup", "pointercancel"]) document.addEventListener(name, () => { pressed = false; }, true);

  document.addEventListener("focusin", (event) => {
    const line = event.target.closest?.("[data-line]");
    if (line && !pressed && !document.querySelector("[data-cancel]")) choose(line, false);
  });
  document.addEventListener("click", (event) => {
    const line = event.target.closest?.("[data-line]");
    if (line && !document.querySelector("[data-cancel]")) choose(line, false);
  });

  const there = document.querySelector(".there details");
  if (there && window.matchMedia("(max-width: 900px)").matches) there.open = false;
})();
