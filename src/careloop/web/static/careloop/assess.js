/* Asking the questions by keyboard, every answer kept as it is given. Without it each answer is a plain form.
   Nothing is stored in the browser: what is not saved yet waits on the page, is sent again, and the page says so. */
"use strict";

(() => {
  const page = document.getElementById("assess");
  if (!page) return;
  const words = page.dataset;
  const byId = (id) => document.getElementById(id);
  const all = () => [...page.querySelectorAll(".question")];
  const shown = () => all().filter((one) => !one.hidden);
  const places = () => [...shown(), byId("q-finish")];
  const current = () => page.querySelector("[data-question][aria-current]") || places()[0];
  const seenOf = (question) => question.querySelector("[name=seen]");
  const isText = (one) => !["buttons", "boxes"].includes(one.dataset.control);
  const FIELDS = ".written :is(input, textarea, select)";
  const placeOf = (item) => page.querySelector(`[data-question="${CSS.escape(item)}"]`);

  // -- moving ------------------------------------------------------------------------------------------------
  function goTo(place, how = {}) {
    if (!place) return;
    page.querySelectorAll("[data-question][aria-current]").forEach((one) => one.removeAttribute("aria-current"));
    place.setAttribute("aria-current", "step");
    page.querySelectorAll("#asking input[name=q], #safety input[name=q]").forEach((field) => { field.value = place.dataset.question; });
    ensureSteps(place);
    if (how.keepFocus) return;
    const field = isText(place) && place.querySelector(FIELDS);
    (how.intoField && field ? field : place).focus({ preventScroll: true });
    if (how.stays) return;
    const gentle = matchMedia("(prefers-reduced-motion: reduce)").matches ? "auto" : "smooth";
    const isLong = !place.matches(".question") || place.offsetHeight > innerHeight * 0.6 || innerWidth <= 700;
    place.scrollIntoView({ block: isLong ? "start" : "center", behavior: gentle });
  }

  /* On phones every question has its own way back and on. */
  function ensureSteps(place) {
    if (!place.matches(".question") || place.querySelector(".steps-nav")) return;
    const model = page.querySelector(".steps-nav");
    if (!model) return;
    page.querySelectorAll(".steps-nav").forEach((one) => { if (one !== model) one.remove(); });
    place.querySelector("form").append(model);
  }

  function step(by, how) {
    const list = places();
    goTo(list[Math.max(0, Math.min(list.length - 1, list.indexOf(current()) + by))], how);
  }

  // -- keeping: one request at a time, the newest answer of each question, tried again until it is through -----
  const waiting = new Map();
  let isSending = false;
  let tries = 0;
  let timer = null;
  let held = null; // a form that was sent while answers waited: it goes when they are through
  let leaveQuietly = false;

  function keep(question, body, after) {
    waiting.delete(question.dataset.question);
    waiting.set(question.dataset.question, { question, body, after });
    say("saving");
    clearTimeout(timer);
    send();
  }

  async function send() {
    if (isSending || !waiting.size) return;
    isSending = true;
    const [item, entry] = waiting.entries().next().value;
    const body = new URLSearchParams(entry.body);
    body.set("item", item);
    body.set("seen", seenOf(entry.question).value);
    body.set("csrfmiddlewaretoken", token());
    try {
      const answer = await post(words.answer, body);
      await took(item, entry, answer);
    } catch {
      again(words.waitingOne);
    } finally {
      isSending = false;
    }
    if (waiting.size && !timer) send();
    else if (!waiting.size && held) {
      const [form, submitter] = held;
      held = null;
      if (form.isConnected) form.requestSubmit(submitter);
      else byId("q-finish").querySelector(".finish-form").requestSubmit();
    }
  }

  function post(address, body) {
    return fetch(address, { method: "POST", body, headers: { "HX-Request": "true" }, credentials: "same-origin", signal: AbortSignal.timeout(15000) });
  }

  const token = () => page.querySelector("[name=csrfmiddlewaretoken]").value;

  async function took(item, entry, answer) {
    const isOurs = [200, 409, 412, 422].includes(answer.status);
    if (!isOurs || answer.redirected) {
      if ([401, 403].includes(answer.status) || answer.redirected) return renewed();
      if ([400, 404, 413].includes(answer.status)) return refused(item, entry);
      return again(words.waitingOne);
    }
    if (waiting.get(item) === entry) waiting.delete(item);
    tries = 0;
    timer = null;
    const doc = new DOMParser().parseFromString(await answer.text(), "text/html");
    const over = doc.getElementById("assess-over");
    if (over) {
      waiting.clear();
      return trouble(over);
    }
    show(doc, item);
    if (answer.status === 200) entry.after?.(doc.getElementById("assess-state")?.dataset.alarmed === "1");
    else goTo(entry.question, { intoField: true });
  }

  /* Somebody who signed in again in another window has a new token; it stands in the page. */
  async function renewed() {
    again(words.ended, 3000);
    const answer = await fetch(location.href, { credentials: "same-origin" });
    if (answer.redirected || !answer.ok) return;
    const doc = new DOMParser().parseFromString(await answer.text(), "text/html");
    const fresh = doc.querySelector("#assess [name=csrfmiddlewaretoken]")?.value;
    if (!fresh) return;
    page.querySelectorAll("[name=csrfmiddlewaretoken]").forEach((field) => { field.value = fresh; });
    clearTimeout(timer);
    timer = setTimeout(retry, 200);
  }

  function again(sentence, after) {
    tries += 1;
    const box = byId("assess-trouble");
    const text = waiting.size > 1 && sentence === words.waitingOne ? words.waitingMore : sentence;
    if (box.textContent !== text) box.textContent = text;
    box.hidden = false;
    say("");
    clearTimeout(timer);
    timer = setTimeout(retry, after || Math.min(30000, 1000 * 2 ** tries));
  }

  function retry() {
    timer = null;
    send();
  }

  /* Trying again would not help: the page says so, and what was typed stays where it is. */
  function refused(item, entry) {
    if (waiting.get(item) === entry) waiting.delete(item);
    const box = byId("assess-trouble");
    box.textContent = words.refused;
    box.hidden = false;
    say("");
  }

  function trouble(node) {
    const box = byId("assess-trouble");
    box.replaceChildren(...node.childNodes);
    box.hidden = false;
    box.scrollIntoView({ block: "center" });
  }

  function say(what) {
    const box = byId("assess-saved");
    if (box) box.textContent = what === "saving" ? words.saving : what;
  }

  addEventListener("beforeunload", (event) => {
    flush();
    if (waiting.size || safetyIsDirty()) event.preventDefault();
  });
  addEventListener("online", retry);

  // -- what came back -------------------------------------------------------------------------------------------
  function show(doc, item) {
    const live = JSON.parse(doc.getElementById("assess-live")?.textContent || "{}");
    if (!waiting.size && isOther(live)) return location.assign(`?q=${encodeURIComponent(current().dataset.question)}`);
    for (const question of all()) apply(question, live[question.dataset.question], question.dataset.question === item);
    for (const id of ["assess-head", "assess-meanwhile", "q-finish"]) swap(doc, id);
    if (!safetyIsDirty()) swap(doc, "assess-alarm");
    if (waiting.size) say("saving");
    else byId("assess-trouble").hidden = true;
  }

  function swap(doc, id) {
    const fresh = doc.getElementById(id);
    const old = byId(id);
    if (!fresh || !old || fresh.outerHTML === old.outerHTML) return;
    const hadFocus = old.contains(document.activeElement) ? document.activeElement.id : null;
    if (id === "q-finish") {
      fresh.toggleAttribute("aria-current", false);
      if (old.hasAttribute("aria-current")) fresh.setAttribute("aria-current", "step");
      const date = old.querySelector("#answered-on");
      if (date?.value) fresh.querySelector("#answered-on").value = date.value;
    }
    old.replaceWith(fresh);
    window.htmx?.process(fresh);
    if (hadFocus) byId(hadFocus)?.focus({ preventScroll: true });
  }

  /* A repetition that was not there, or answers that are worked out anew: the page is asked for whole. */
  function isOther(live) {
    return Object.entries(live).some(([item, state]) => {
      const question = placeOf(item);
      if (!question) return true;
      const offered = [...question.querySelectorAll(".answer, .answers input, .written option[value]:not([value=''])")].map((one) => one.value);
      return state.options.length > 0 && state.options.join("\n") !== offered.join("\n");
    });
  }

  function tellComputed(state) {
    for (const [place, [value, isAsked]] of Object.entries(state.computed)) {
      for (const line of page.querySelectorAll(`[data-computed="${CSS.escape(place)}"]`)) {
        line.querySelector("b").textContent = value;
        line.hidden = !isAsked || !value;
      }
    }
  }

  /* As many fields as there are answers, and an empty one. */
  function grow(question, fields) {
    const box = question.querySelector(".written");
    const here = () => [...box.querySelectorAll("input[name=value]")];
    while (here().length < fields.length) {
      const fresh = here().at(-1).cloneNode();
      fresh.value = "";
      box.append(fresh);
    }
    if (!box.contains(document.activeElement)) here().forEach((one, at) => { one.value = fields[at] || ""; });
  }

  function apply(question, state, isMine) {
    if (!state) return;
    tellComputed(state);
    question.querySelector(".from-record")?.toggleAttribute("hidden", !state.from);
    question.querySelector(".ask-again")?.toggleAttribute("hidden", state.from !== "ask");
    question.querySelector(".still-so")?.toggleAttribute("hidden", state.from !== "kept");
    question.hidden = !state.asked;
    question.querySelector(".text > .num").textContent = state.number;
    if (waiting.has(question.dataset.question)) {
      if (isMine) seenOf(question).value = state.seen;
      return;
    }
    const isBusy = question.contains(document.activeElement) && isText(question);
    seenOf(question).value = state.seen;
    const problem = question.querySelector(".error");
    problem.textContent = state.problem;
    problem.hidden = !state.problem;
    question.classList.toggle("has-error", Boolean(state.problem));
    question.querySelectorAll(".answer").forEach((one) => one.setAttribute("aria-pressed", String(state.chosen.includes(one.value))));
    question.querySelectorAll(".answers input").forEach((one) => { one.checked = state.chosen.includes(one.value); });
    question.querySelectorAll(".reason").forEach((one) => one.setAttribute("aria-pressed", String(one.value === state.absent)));
    const field = question.querySelector(`${FIELDS}:not([type=file], [name=unit])`);
    if (field && state.fields.length) grow(question, state.fields);
    else if (field && !isBusy && !state.problem) field.value = field.matches("select") ? state.chosen[0] || "" : state.typed;
    if (field) field.dataset.kept = field.matches("select") || state.fields.length ? field.value : state.typed;
    if (state.problem) field?.setAttribute("aria-invalid", "true");
    else field?.removeAttribute("aria-invalid");
  }

  // -- answering ---------------------------------------------------------------------------------------------------
  function press(button) {
    const question = button.closest(".question");
    const wasPressed = button.getAttribute("aria-pressed") === "true";
    const isReason = button.name === "absent";
    if (wasPressed && !isReason) return goTo(question), step(1);
    question.querySelectorAll("[aria-pressed]").forEach((one) => one.setAttribute("aria-pressed", "false"));
    if (!wasPressed) button.setAttribute("aria-pressed", "true");
    if (isReason) question.querySelectorAll(".answers input").forEach((one) => { one.checked = false; });
    const body = wasPressed ? {} : { [button.name]: button.value };
    goTo(question, { keepFocus: true });
    const goOn = () => !wasPressed && current() === question && step(1, { intoField: false });
    if ("waits" in question.dataset) keep(question, body, (alarmed) => (alarmed ? toAlarm() : goOn()));
    else {
      keep(question, body, (alarmed) => alarmed && toAlarm());
      if (branches(question)) return;
      goOn();
    }
  }

  /* What was answered before still holds: the page goes on once the server has it, since it may speak or branch. */
  function keepFormer(button) {
    const question = button.closest(".question");
    goTo(question, { keepFocus: true });
    keep(question, { keep: "1" }, (alarmed) => (alarmed ? toAlarm() : current() === question && step(1)));
  }

  /* Where the next question may appear only because of this answer, the page waits for it before going on. */
  function branches(question) {
    const list = all();
    const after = list[list.indexOf(question) + 1];
    if (!after?.hidden) return false;
    const entry = waiting.get(question.dataset.question);
    if (entry) entry.after = (alarmed) => (alarmed ? toAlarm() : current() === question && step(1));
    return true;
  }

  /* On from a field, or from boxes that were ticked. */
  function goOn(question) {
    flush();
    if (waiting.has(question.dataset.question) && branches(question)) return;
    step(1);
  }

  function toAlarm() {
    const heading = page.querySelector(".alarm h2");
    if (!heading) return;
    heading.scrollIntoView({ block: "start" });
    scrollBy(0, -80);
    heading.focus({ preventScroll: true });
  }

  function tick(box) {
    const question = box.closest(".question");
    const boxes = [...question.querySelectorAll(".answers input")];
    if (box.checked) boxes.forEach((one) => { if (one !== box && ("alone" in box.dataset || "alone" in one.dataset)) one.checked = false; });
    question.querySelectorAll(".reason").forEach((one) => one.setAttribute("aria-pressed", "false"));
    goTo(question, { keepFocus: true });
    const body = boxes.filter((one) => one.checked).map((one) => ["value", one.value]);
    keep(question, body, (alarmed) => alarmed && toAlarm());
  }

  /* Everything that stands in a question's own form: the boxes that are ticked, its fields, a unit, other words. */
  function said(question) {
    const pairs = [...question.querySelectorAll(".answers input:checked")].map((one) => ["value", one.value]);
    question.querySelectorAll(".written [name]").forEach((one) => { if (one.value.trim()) pairs.push([one.name, one.value]); });
    return pairs;
  }

  let typing = null;
  function write(field, now) {
    const question = field.closest(".question");
    clearTimeout(typing);
    const go = () => {
      typing = null;
      if (field.value === (field.dataset.kept ?? field.defaultValue)) return;
      field.dataset.kept = field.value;
      if (field.value.trim()) question.querySelectorAll(".reason").forEach((one) => one.setAttribute("aria-pressed", "false"));
      if (field.name === "other" && field.value.trim()) question.querySelectorAll(".answer[aria-pressed]").forEach((one) => one.setAttribute("aria-pressed", "false"));
      keep(question, said(question));
    };
    if (now) go();
    else typing = setTimeout(go, 700);
  }

  function flush() {
    if (!typing) return;
    page.querySelectorAll(`${FIELDS}:not(select, [type=file], [type=range])`).forEach((field) => write(field, true));
  }

  page.addEventListener("submit", (event) => {
    const form = event.target;
    const button = event.submitter;
    if (form.matches(".ask") && !(form.enctype === "multipart/form-data" && !button?.matches(".reason"))) {
      event.preventDefault();
      if (button?.matches(".keep")) return keepFormer(button);
      if (button?.matches(".answer, .reason")) return press(button);
      return goOn(form.closest(".question"));
    }
    flush();
    if (form.matches("#safety") && !form.querySelector("[name=safe]:checked")) {
      event.preventDefault();
      form.querySelector("[name=safe]").focus();
      form.querySelector("fieldset").classList.add("has-error");
    } else if (waiting.size) {
      event.preventDefault();
      held = [form, event.submitter];
      return send();
    }
    if (!event.defaultPrevented) leaveQuietly = true;
  });
  page.addEventListener("change", (event) => {
    if (event.target.matches(".answers input")) tick(event.target);
    else if (event.target.matches(FIELDS) && event.target.type !== "file") write(event.target, true);
  });
  page.addEventListener("input", (event) => {
    if (event.target.matches(".written :is(input[type=text], input[type=url], textarea)")) write(event.target, false);
    if (event.target.matches("input[type=range]")) event.target.parentElement.querySelector("output").textContent = event.target.value;
  });
  page.addEventListener("focusin", (event) => {
    const question = event.target.closest("[data-question]");
    if (question && question !== current()) goTo(question, { keepFocus: true });
  });
  page.addEventListener("click", (event) => {
    const link = event.target.closest("[data-goes], .steps-nav a, .error-summary a[href^='#q-']");
    if (link) {
      event.preventDefault();
      if (link.dataset.goes) return goTo(placeOf(link.dataset.goes), { intoField: true });
      if (link.matches(".error-summary a")) return goTo(byId(link.hash.slice(1)), { intoField: true });
      flush();
      return step(link === link.parentElement.querySelector("a") && link.parentElement.children.length > 1 ? -1 : 1);
    }
    const inside = event.target.closest(".question");
    if (inside && inside !== current() && !event.target.closest("button, input, textarea, label, a")) goTo(inside, { keepFocus: true });
    if (event.target.closest("a[href='#asking']")) byId("asking").open = true;
  });

  // -- keys: never inside a field, never while a sheet is open --------------------------------------------------------
  document.addEventListener("keydown", (event) => {
    if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return;
    const target = event.target;
    const inField = window.careloop.inField(target);
    if (document.querySelector("dialog[open]") || target.closest(".rail, .bar, .safety, #asking")) return;
    if (inField) {
      if (event.key === "Enter" && target.matches(".written input")) {
        event.preventDefault();
        write(target, true);
        goOn(target.closest(".question"));
      }
      return;
    }
    const place = current();
    if (["ArrowDown", "j"].includes(event.key)) step(1);
    else if (["ArrowUp", "k"].includes(event.key)) step(-1);
    else if (/^[1-9]$/.test(event.key) && place.matches(".question")) place.querySelectorAll(".answer, .answers input")[Number(event.key) - 1]?.click();
    else if (event.key === "s" && place.matches(".question") && place.querySelector(".keep")) place.querySelector(".keep").click();
    else if ("ar".includes(event.key) && place.matches(".question") && place.querySelector(".again")) place.querySelector(event.key === "a" ? ".add-one" : ".drop-one")?.click();
    else if ("dwn".includes(event.key) && place.matches(".question")) place.querySelector(`.reason[value=${{ d: "declined", w: "unknown", n: "not-asked" }[event.key]}]`)?.click();
    else if (event.key === "Enter" && target === place && place.matches(".question")) {
      if (isText(place)) place.querySelector(FIELDS).focus();
      else goOn(place);
    } else return;
    event.preventDefault();
  });

  // -- who has the urgent work: asked again every few seconds until somebody has it -------------------------------------
  function safetyIsDirty() {
    const form = byId("safety");
    if (!form || leaveQuietly) return false;
    return [...form.querySelectorAll("input:not([type=hidden])")].some((one) => (one.type === "radio" ? one.checked !== one.defaultChecked : one.value !== one.defaultValue));
  }

  async function look() {
    const open = page.querySelector(".alarm");
    if (!open || document.hidden || isSending || waiting.size) return;
    try {
      const answer = await fetch(byId("assess-alarm").dataset.poll, { headers: { "HX-Request": "true", "X-Careloop-Poll": "1" }, credentials: "same-origin" });
      if (answer.status !== 200 || answer.redirected) return;
      const doc = new DOMParser().parseFromString(await answer.text(), "text/html");
      for (const fresh of doc.querySelectorAll(".alarm")) {
        const old = byId(fresh.id)?.querySelector(".with-whom");
        const said = fresh.querySelector(".with-whom");
        if (old && said && old.innerText.trim() !== said.innerText.trim()) old.replaceChildren(...said.childNodes);
      }
    } catch {
      /* It is asked again; answers that wait have their own notice. */
    }
  }
  setInterval(look, 10000);

  const summary = page.querySelector(".error-summary");
  const alarm = byId("assess-alarm");
  if (summary) summary.focus();
  else if (alarm.dataset.open === "1") toAlarm();
  else goTo(current(), { stays: current() === shown()[0] });
})();
