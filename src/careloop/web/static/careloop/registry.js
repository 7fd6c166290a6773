/* Ticking people in the registry: with a click, with shift for all between, with keys; how many it is in words.
   Without it the boxes and buttons of the form do the same, one by one. */
(() => {
  "use strict";
  const form = () => document.querySelector("form[data-many]");
  const boxes = () => [...(form()?.querySelectorAll("tbody input[name=person]") || [])];
  let last = null;

  function tell() {
    const said = form()?.querySelector("[data-picked]");
    if (!said) return;
    const everyone = form().querySelector("[data-everyone]");
    const count = boxes().filter((box) => box.checked).length;
    const words = said.dataset;
    said.textContent = everyone?.checked ? words.everybody : count === 0 ? words.none : count === 1 ? words.one : words.some.replace("{n}", count);
    const all = form().querySelector("[data-all]");
    all.hidden = false;
    all.checked = count > 0 && count === boxes().length;
    all.indeterminate = count > 0 && !all.checked;
  }

  function tick(box, isRange) {
    const every = boxes();
    const from = every.indexOf(last);
    const to = every.indexOf(box);
    if (isRange && from >= 0) {
      for (const one of every.slice(Math.min(from, to), Math.max(from, to) + 1)) one.checked = box.checked;
    }
    last = box;
    tell();
  }

  document.addEventListener("click", (event) => {
    const box = event.target.closest?.("form[data-many] tbody input[name=person]");
    if (box) tick(box, event.shiftKey);
    if (event.target.matches?.("form[data-many] [data-all]")) {
      for (const one of boxes()) one.checked = event.target.checked;
      tell();
    }
    if (event.target.matches?.("form[data-many] [data-everyone]")) tell();
  });

  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || document.querySelector("dialog[open]")) return;
    const at = document.activeElement;
    if (at.matches("select, textarea, input:not([type=checkbox])")) return;
    const every = boxes();
    const step = { j: 1, k: -1 }[event.key.toLowerCase()];
    if (step && every.length) {
      const here = every.indexOf(at);
      const next = every[Math.max(0, Math.min(every.length - 1, here < 0 ? (step > 0 ? 0 : every.length - 1) : here + step))];
      next.focus();
      next.closest("tr").scrollIntoView({ block: "nearest" });
      if (event.shiftKey) { next.checked = true; tick(next, true); }
      event.preventDefault();
    } else if (event.key.toLowerCase() === "x" && every.includes(at)) {
      at.checked = !at.checked;
      tick(at, event.shiftKey);
      event.preventDefault();
    } else if (event.key === "Enter" && every.includes(at)) {
      at.closest("tr").querySelector("a.name").click();
      event.preventDefault();
    }
  });

  document.addEventListener("htmx:afterSwap", tell);
  addEventListener("pageshow", tell);
  tell();
})();
