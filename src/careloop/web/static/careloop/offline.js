/* The page of what was taken along: locked until her password opens it, locked again after 15 minutes without a hand on
   it; the list of people and of what is not sent yet. */
"use strict";

(() => {
  const app = window.careloopPage;
  const { el, fill, words, inWords, own } = app;
  const store = window.careloopOffline;
  const form = window.careloopForm;
  const IDLE = 15 * 60_000;
  const page = document.getElementById("content");
  const network = document.getElementById("network");
  let isList = false;
  let failed = 0;
  let touched = Date.now();

  app.show = (...nodes) => {
    isList = false;
    page.replaceChildren(...nodes.flat().filter(Boolean));
    page.querySelector("h1")?.focus({ preventScroll: true });
    scrollTo(0, 0);
  };

  app.say = (sentence) => { network.textContent = sentence; };

  app.showNetwork = () => {
    network.replaceChildren();
    const link = (sentence, label) => network.append(el("p", sentence, " ", el("a", { href: "/sign-in", target: "_blank", rel: "opener" }, label)));
    if (app.network === "away") network.append(el("p", words.away));
    else if (app.network === "sign-in") link(words.signedOut, words.signIn);
    else if (app.network === "other") link(words.otherAccount, words.toCareloop);
  };

  app.whom = (one) => {
    const { person } = one.packet;
    const language = person.language ? new Intl.DisplayNames(own, { type: "language" }).of(person.language) : "";
    return el("section.whom", el("p", el("b", person.name), person.age === null ? "" : `, ${person.age}`, person.pronouns ? ` · ${person.pronouns}` : ""),
      el("p.flags", language && person.interpreter ? el("span.flag.wait", fill(words.throughInterpreter, { language })) : language && el("span.flag", language), person.safety.map((each) => el("span.flag.late", each)), person.safe_contact && el("span.flag.danger", words.safeContact)));
  };

  // -- the list -----------------------------------------------------------------------------------------------------
  app.list = async () => {
    app.asking = null;
    const unsent = app.packets.reduce((sum, one) => sum + one.sheets.length, 0);
    app.show(el("h1", { tabindex: "-1" }, words.title), el("p.lede", unsent ? fill(unsent === 1 ? words.unsentOne : words.unsentMore, { n: unsent }) : words.allSent),
      app.sent.map((each) => el("p.notice.done", { role: "status" }, fill(words.sent, each), " ", el("a", { href: each.url }, words.open))),
      app.packets.map(packetOf), app.packets.length ? "" : nothing(), app.packets.length ? wipeAll() : "");
    isList = true;
  };

  app.listIfShown = () => { if (isList) app.list(); };

  function packetOf(one) {
    const title = (each) => inWords(each.title, own);
    const begun = new Set(one.sheets.map((sheet) => sheet.instrument));
    const lines = one.sheets.map((sheet) => lineOf(one, sheet));
    const free = one.packet.instruments.filter((each) => !begun.has(each.id)).sort((a, b) => title(a).localeCompare(title(b)));
    return el("section.packet", app.whom(one), el("p.small.quiet", fill(words.goes, { day: app.dayOf(one.goes) }), " ", el("a", { href: `/people/${one.packet.person.id}/assessments` }, words.herPage)), lines,
      el("details.fold-plain", { open: !lines.length }, el("summary", fill(words.askNow, { n: free.length })), el("ul.offers", free.map((each) => el("li", el("div", el("b", title(each)), " ", el("span.quiet.nowrap", inWords(each.short, own)), el("p.small.quiet", fill(words.minutes, { n: each.minutes }))), el("button.line", { type: "button", click: () => begin(one, each) }, one.packet.begun[each.id] ? words.goOn : words.begin, el("span.hidden-text", ` ${title(each)}`)))))),
      lines.length ? "" : el("div.buttons", el("button", { type: "button", click: () => app.sure(words.dropPacketSure, () => dropPacket(one)) }, words.dropPacket)));
  }

  function lineOf(one, sheet) {
    if (sheet.state) return app.waits(one, sheet);
    const instrument = one.packet.instruments.find((each) => each.id === sheet.instrument);
    const done = form.progress(instrument.form, sheet.answers);
    const how = sheet.finished ? fill(words.finishedAt, { day: app.dayOf(sheet.finished), time: app.clock(sheet.finished) }) : fill(words.nOf, { n: done.answered, total: done.total });
    return el("div.unsent", el("div", el("p", el("b", inWords(instrument.title, own)), " ", el("span.flag.late", words.notSent)), el("p.small.quiet", how)),
      el("div.buttons", el(sheet.finished ? "button.line" : "button.main", { type: "button", click: () => app.ask(one, sheet) }, sheet.finished ? words.change : words.goOn), el("button.line", { type: "button", click: () => app.paper(one, sheet) }, words.read)));
  }

  /* What was begun at the office goes on where it was. */
  function begin(one, instrument) {
    const before = one.packet.begun[instrument.id];
    if (!before) return app.begin(one, instrument);
    const answers = Object.fromEntries(Object.entries(before.answers).map(([key, each]) => [key, { ...each, seen: each.at, mine: false }]));
    const sheet = app.newSheet(one, instrument.id, before.asked, answers);
    sheet.heard = [...before.alarms];
    app.keep(sheet);
    app.ask(one, sheet);
  }

  async function dropPacket(one) {
    await store.dropPacket(one.packet.id);
    app.packets.splice(app.packets.indexOf(one), 1);
    app.list();
  }

  const nothing = () => el("div.empty", el("h2", words.nothingHere), el("p", words.howToTake));
  const wipeAll = () => el("p.small.wipe", el("button", { type: "button", click: () => app.sure(words.wipeSure, wipe) }, words.wipe));

  async function wipe() {
    await store.wipe();
    app.lock = null;
    app.packets = [];
    location.reload();
  }

  app.sure = (sentence, then) => {
    const sheet = el("dialog", { "aria-label": words.sure }, el("div.sheet", el("h2", words.sure), el("p", sentence), el("div.buttons", el("button.stop", { type: "button", click: () => { sheet.close(); then(); } }, words.yes), el("button", { type: "button", click: () => sheet.close() }, words.no))));
    sheet.addEventListener("close", () => sheet.remove());
    document.body.append(sheet);
    sheet.showModal();
  };

  // -- locked and unlocked ------------------------------------------------------------------------------------------
  async function locked(told) {
    Object.assign(app, { lock: null, packets: [], asking: null });
    network.replaceChildren();
    const gone = await store.counted().then((there) => there.packets && store.tidy());
    const { packets, unsent } = await store.counted();
    const notice = gone ? el("p.notice.late", words.tooOld) : "";
    if (!packets) return app.show(el("h1", { tabindex: "-1" }, words.title), notice, nothing());
    const field = el("input", { type: "password", id: "password", autocomplete: "current-password", required: true, "aria-describedby": "password-error" });
    const asked = el("form.form", { submit: (event) => unlock(event, field) }, el("div.field", { id: "field-password" }, el("label", { for: "password" }, words.password), el("p.help", words.passwordHelp), el("p.error", { id: "password-error", role: "alert", hidden: true }), field), el("div.buttons", el("button.main", words.unlock)));
    app.show(el("h1", { tabindex: "-1" }, words.title), told && el("p.notice", told), notice, el("p.lede", unsent ? fill(unsent === 1 ? words.unsentOne : words.unsentMore, { n: unsent }) : words.lockedLede), asked, wipeAll());
    field.focus();
  }

  async function unlock(event, field) {
    event.preventDefault();
    const [button, error] = [event.target.querySelector("button"), document.getElementById("password-error")];
    button.disabled = true;
    await new Promise((go) => setTimeout(go, Math.min(30_000, failed && 500 * 2 ** failed)));
    const lock = await store.unlock(field.value);
    button.disabled = false;
    if (!lock) {
      failed += 1;
      error.textContent = words.wrongPassword;
      error.hidden = false;
      field.setAttribute("aria-invalid", "true");
      return field.focus();
    }
    failed = 0;
    touched = Date.now();
    app.lock = lock;
    app.packets = (await store.opened(lock)).sort((a, b) => a.packet.person.name.localeCompare(b.packet.person.name));
    await app.list();
    app.send();
  }

  for (const what of ["keydown", "pointerdown", "input"]) addEventListener(what, () => { touched = Date.now(); }, true);
  setInterval(() => app.lock && Date.now() - touched > IDLE && locked(words.idle), 5000);

  store.others?.addEventListener("message", () => location.reload());
  navigator.serviceWorker?.register("/offline/worker.js", { scope: "/offline/" }).catch(() => null);
  /* Two windows would write over one another's answers: one at a time. */
  const alone = navigator.locks?.request("careloop-offline", { ifAvailable: true }, (mine) => {
    if (!mine) return app.show(el("h1", { tabindex: "-1" }, words.title), el("p.notice.late", words.otherWindow));
    locked("");
    return new Promise(() => null);
  });
  if (!alone) locked("");
})();
