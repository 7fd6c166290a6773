/* The shell: sheets, toasts, keys, menus, drafts, the card's fold. Every page works without it.
   Nothing typed is kept in the browser: drafts go to the server (TRUST 20). The one exception is
   the page of what was taken along, encrypted: docs/decisions/0091. */
"use strict";

(() => {
  const words = (name) => document.getElementById("words")?.dataset[name] || "";
  const dialog = () => document.getElementById("dialog");
  /* A field of a sheet that was closed holds the focus until the page is next painted: what is typed then is not for it. */
  const inField = (node) => !node.closest("dialog:not([open])") && node.closest("input:not([type=radio],[type=checkbox],[type=button],[type=submit]), textarea, select, [contenteditable]");

  // -- toasts ---------------------------------------------------------------------------------------------
  function toast(text, kind) {
    const box = document.getElementById("toasts");
    if (!box) return;
    const item = document.createElement("div");
    item.className = "toast" + (kind ? " " + kind : "");
    item.dataset.toast = "";
    const said = document.createElement("p");
    said.textContent = text;
    const close = document.createElement("button");
    close.type = "button";
    close.dataset.dismiss = "";
    close.setAttribute("aria-label", words("close"));
    close.textContent = "×";
    item.append(said, close);
    box.replaceChildren(item);
    leaveLater(item);
  }

  /* A toast leaves after 20 s unless it is looked at; what it could undo also stands in "Just done" on Today. */
  function leaveLater(item) {
    if (item.classList.contains("error") || item.dataset.leaving) return;
    item.dataset.leaving = "1";
    const leave = () => (item.matches(":hover, :focus-within") ? setTimeout(leave, 4000) : item.remove());
    setTimeout(leave, 20000);
  }

  // -- sheets: a link with data-dialog opens its page in the dialog ---------------------------------------
  function openSheet(link) {
    htmx.ajax("GET", link.href, { target: "#dialog", swap: "innerHTML", source: document.body });
  }

  function showSheet() {
    const sheet = dialog();
    if (!sheet.querySelector(".close")) {
      const close = document.createElement("button");
      close.type = "button";
      close.className = "close";
      close.dataset.closes = "";
      close.setAttribute("aria-label", words("close"));
      close.textContent = "×";
      sheet.append(close);
    }
    const heading = sheet.querySelector("h1, h2");
    if (heading && !heading.id) heading.id = "dialog-title";
    if (!sheet.open) sheet.showModal();
    const first = sheet.querySelector("[data-focus], [autofocus], [aria-invalid=true]") || sheet.querySelector("input:not([type=hidden]), select, textarea, button.main");
    first?.focus();
  }

  function closeSheet() {
    const sheet = dialog();
    if (sheet?.open) sheet.close();
  }
  /* What was closed is gone, so that nothing of it is saved a moment later. */
  dialog()?.addEventListener("close", () => dialog().replaceChildren());

  document.addEventListener("htmx:afterSwap", (event) => {
    if (event.detail.target.id === "dialog" && dialog().firstElementChild) showSheet();
    document.querySelectorAll("[data-toast]").forEach(leaveLater);
    startTimers();
    document.querySelector("main [data-focus]")?.focus();
  });
  document.addEventListener("work-changed", () => {
    closeSheet();
    if (document.getElementById("board")) return;
    htmx.ajax("GET", location.href, { target: "#content", select: "#content", swap: "outerHTML", headers: { "HX-Request": "" } });
  });

  // -- what fails, says so: above the form that is open, else as a toast -----------------------------------
  function complain(text) {
    const form = dialog()?.open && dialog().querySelector("form");
    if (!form) return toast(text, "error");
    let notice = form.querySelector("[data-complaint]");
    if (!notice) {
      notice = document.createElement("div");
      notice.className = "notice danger";
      notice.dataset.complaint = "";
      notice.setAttribute("role", "alert");
      form.prepend(notice);
    }
    notice.textContent = text;
    notice.scrollIntoView({ block: "nearest" });
  }

  document.addEventListener("htmx:sendError", () => complain(words("offline")));
  document.addEventListener("htmx:timeout", () => complain(words("offline")));
  document.addEventListener("htmx:responseError", (event) => {
    const { xhr } = event.detail;
    const token = xhr.getResponseHeader("X-Careloop-Token");
    if (token && sendAgain(event.detail.elt, token)) return;
    if (xhr.status === 401) return ended();
    const page = new DOMParser().parseFromString(xhr.responseText, "text/html");
    const told = [...page.querySelectorAll("[data-fault]")].map((node) => node.textContent.trim()).join(" ");
    complain(told || words("failed"));
  });

  /* Only what says nothing of a person comes along to the door; web/staff/errors.py has the same list. */
  const sayNothing = "view section program only sort page after kind language part answers".split(" ");

  function here() {
    const asked = [...new URLSearchParams(location.search).keys()];
    return location.pathname + (asked.every((key) => sayNothing.includes(key)) ? location.search : "");
  }

  /* The session ended: nobody who passes by reads on. With a form open the page is covered, she signs in beside it and
     goes on where she was; else she goes to the door. */
  function ended() {
    const link = document.createElement("a");
    link.href = "/sign-in?ended=1&next=" + encodeURIComponent(here());
    if (!(dialog()?.open && dialog().querySelector("form"))) return location.assign(link.href);
    if (document.body.classList.contains("covered")) return undefined;
    complain(words("ended") + " ");
    link.href = "/sign-in?ended=1";
    link.target = "_blank";
    link.textContent = words("signIn");
    dialog().querySelector("[data-complaint]").append(link);
    document.body.classList.add("covered");
    return undefined;
  }

  function resumed() {
    if (!document.body.classList.contains("covered")) return;
    document.body.classList.remove("covered");
    document.querySelector("[data-complaint]")?.remove();
  }

  /* A page from before she signed in again carries an old token: take the new one and send once more. */
  function sendAgain(form, token) {
    const isForm = form instanceof HTMLFormElement;
    if (!(isForm || form?.id === "find") || form.dataset.sentAgain) return false;
    form.dataset.sentAgain = "1";
    document.body.setAttribute("hx-headers", JSON.stringify({ "X-CSRFToken": token }));
    document.querySelectorAll("input[name=csrfmiddlewaretoken]").forEach((field) => { field.value = token; });
    if (isForm) form.requestSubmit();
    else htmx.ajax("POST", "/people/find", { source: form, target: "#find-results" });
    return true;
  }

  // -- a call that is left in the middle is kept: what was typed, and when it began -------------------------
  addEventListener("pagehide", () => {
    document.querySelectorAll("form[data-keeps]:not([data-sent])").forEach((form) => navigator.sendBeacon(form.dataset.keeps, new FormData(form)));
  });
  document.addEventListener("submit", (event) => { event.target.dataset.sent = "1"; });
  /* A save that was still to come when the form was sent does not follow it; who types on after all is kept again. */
  document.addEventListener("htmx:beforeRequest", (event) => {
    if (event.detail.elt.matches("form[data-sent] .saved")) event.preventDefault();
  });
  document.addEventListener("input", (event) => { if (event.target.form) delete event.target.form.dataset.sent; });
  for (const fault of ["htmx:sendError", "htmx:timeout", "htmx:responseError"]) {
    document.addEventListener(fault, (event) => { delete event.detail.elt?.dataset.sent; });
  }

  // -- clicks ------------------------------------------------------------------------------------------------
  document.addEventListener("click", (event) => {
    const on = (selector) => event.target.closest(selector);
    const plain = !(event.ctrlKey || event.metaKey || event.shiftKey || event.button);
    const link = on("a[data-dialog]");
    if (link && plain && window.htmx) {
      event.preventDefault();
      openSheet(link);
    }
    on("[data-dismiss]")?.closest("[data-toast]").remove();
    if (on("[data-closes]")) {
      event.preventDefault();
      on("dialog")?.close();
    }
    if (event.target instanceof HTMLDialogElement) event.target.close();
    const opens = on("[data-opens]");
    if (opens) {
      const sheet = document.getElementById(opens.dataset.opens);
      if (sheet && !sheet.open) sheet.showModal();
    }
    if (on("[data-print]")) window.print();
    const copies = on("[data-copy]");
    if (copies) copy(copies);
    document.querySelectorAll("details.more[open]").forEach((menu) => {
      if (!menu.contains(event.target) || on(".menu a, .menu button[data-opens]")) menu.open = false;
    });
  });

  async function copy(button) {
    const from = document.querySelector(button.dataset.copy);
    if (!from) return;
    await navigator.clipboard.writeText(from.innerText.trim());
    toast(button.dataset.copied || "✓");
  }

  // -- keys: never inside a field, never while a sheet is open ----------------------------------------------
  function keyTarget(key) {
    const selector = `[data-key="${CSS.escape(key)}"]`;
    const selected = document.querySelector(".row[aria-current=true]");
    const inRow = selected?.querySelector(selector);
    if (inRow) return inRow;
    return [...document.querySelectorAll(selector)].find((node) => !node.closest(".row, dialog")) || null;
  }

  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape") {
      document.querySelectorAll("details.more[open]").forEach((menu) => {
        if (menu.contains(document.activeElement)) menu.querySelector("summary").focus();
        menu.open = false;
      });
      const results = document.getElementById("find-results");
      if (results) results.replaceChildren();
      if (event.target.id === "find") event.target.blur();
      return;
    }
    if (event.target.id === "find" || event.target.closest?.("#find-results")) return walkResults(event);
    if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return;
    if (inField(event.target) || document.querySelector("dialog[open]")) return;
    const target = keyTarget(event.key);
    if (!target) return;
    event.preventDefault();
    if (target.matches("input, select, textarea")) return target.focus();
    askedByKey = true;
    target.click();
    askedByKey = false;
    if (target.matches("summary") && target.parentElement.open) target.parentElement.querySelector(".menu a, .menu button")?.focus();
  });

  // What she types before the sheet of her key stands is meant for the sheet: no letter of it is a command here.
  let askedByKey = false;
  let isLeaving = false;
  const unanswered = new Set();

  document.addEventListener("htmx:beforeSend", (event) => {
    if (!askedByKey || event.detail.requestConfig.verb !== "get") return;
    const asked = event.detail.xhr;
    unanswered.add(asked);
    asked.addEventListener("loadend", () => unanswered.delete(asked));
  });
  window.addEventListener("beforeunload", () => {
    isLeaving = true;
    setTimeout(() => { isLeaving = false; }, 2000); // a download leaves nothing
  });
  window.addEventListener("pageshow", () => { isLeaving = false; });

  window.addEventListener("keydown", (event) => {
    if (!unanswered.size && !isLeaving) return;
    if (event.key.length > 1 || event.ctrlKey || event.metaKey || event.altKey || inField(event.target)) return;
    event.preventDefault();
    event.stopImmediatePropagation();
  }, true);

  function walkResults(event) {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    const results = [...document.querySelectorAll("#find-results a")];
    if (!step || !results.length) return;
    event.preventDefault();
    const at = results.indexOf(document.activeElement) + step;
    if (at < 0) document.getElementById("find").focus();
    else results[Math.min(at, results.length - 1)].focus();
  }

  // -- a call's minutes: the timer starts when the sheet opens, and stops when she types a number ------------
  function startTimers() {
    document.querySelectorAll("input[data-timer]:not([data-running])").forEach((field) => {
      field.dataset.running = "1";
      const began = Date.now() - Number(field.dataset.timer || 0) * 1000;
      const shown = document.getElementById(field.dataset.shown);
      const byHand = field.form?.elements[field.dataset.byHand];
      const tick = () => {
        if (!field.isConnected || byHand?.value) return clearInterval(beat);
        const seconds = Math.floor((Date.now() - began) / 1000);
        field.value = Math.max(1, Math.ceil(seconds / 60));
        if (shown) shown.textContent = `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, "0")}`;
      };
      const beat = setInterval(tick, 1000);
      tick();
      field.addEventListener("input", () => { if (byHand) byHand.value = "1"; });
    });
  }

  // -- parts of a form that only one choice needs -------------------------------------------------------------
  document.addEventListener("change", (event) => {
    const chosen = event.target;
    if (!(chosen instanceof HTMLInputElement) || !chosen.form) return;
    chosen.form.querySelectorAll(`[data-when^="${CSS.escape(chosen.name)}="]`).forEach((part) => {
      part.hidden = part.dataset.when !== `${chosen.name}=${chosen.value}`;
      delete part.dataset.startsHidden;
    });
    if (chosen.form.dataset.submits === chosen.name) chosen.form.requestSubmit();
  });

  // -- the card is folded on top below 1,200 px ----------------------------------------------------------------
  const wide = window.matchMedia("(min-width: 1200px)");
  const foldCard = () => document.querySelectorAll(".card > .rest").forEach((card) => { card.open = wide.matches; });
  wide.addEventListener("change", foldCard);
  document.addEventListener("htmx:afterSwap", (event) => { if (event.detail.target.id === "card") foldCard(); });
  document.addEventListener("card-changed", foldCard);

  foldCard();
  startTimers();
  document.querySelectorAll("[data-toast]").forEach(leaveLater);
  document.querySelector("[data-focus]")?.focus();
  window.careloop = { toast, words, ended, resumed, inField };
})();
