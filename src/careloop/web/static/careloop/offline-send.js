/* What is finished, or urgent, goes when there is a network and she is signed in: each sheet under its own key, so that
   a sending that is repeated has no second effect. What the server asks or refuses is shown and stays until decided. */
"use strict";

(() => {
  const app = window.careloopPage;
  const { el, fill, words, inWords, own } = app;
  const store = window.careloopOffline;
  const form = window.careloopForm;
  const EVERY = 10_000;
  let isSending = false;
  let isAsked = false;
  app.network = "";

  const instrumentOf = (one, sheet) => one.packet.instruments.find((each) => each.id === sheet.instrument);
  const alarmsOf = (one, sheet) => form.alarms(instrumentOf(one, sheet), sheet.answers).map((each) => each.id);
  const unheard = (one, sheet) => alarmsOf(one, sheet).some((id) => !sheet.heard.includes(id));

  /* What the clinician who has the urgent work does not know yet. */
  const safetyIsNew = (sheet) => Boolean(sheet.heard.length && sheet.safety?.safe && sheet.safety.at !== sheet.safetyTold);

  /* Due: finished and not waiting for her; or something urgent that nobody has heard of. */
  function due() {
    const found = [];
    for (const one of app.packets) for (const sheet of one.sheets) if (!sheet.state && (sheet.finished || unheard(one, sheet) || safetyIsNew(sheet))) found.push([one, sheet]);
    return found;
  }

  app.send = async () => {
    if (!app.lock) return;
    if (isSending) return void (isAsked = true);
    isSending = true;
    try {
      if (due().length) await sendAll();
    } finally {
      isSending = false;
    }
    if (isAsked) {
      isAsked = false;
      app.send();
    }
  };

  async function sendAll() {
    let now;
    try {
      const answer = await fetch("/offline/now", { headers: { "HX-Request": "true", "X-Careloop-Poll": "1" }, credentials: "same-origin", signal: AbortSignal.timeout(8000) });
      if (answer.status === 401 || answer.redirected) return tell("sign-in");
      if (!answer.ok) return tell("away");
      now = await answer.json();
    } catch {
      return tell("away");
    }
    if (!app.lock) return;
    if (now.account !== app.lock.account) return tell("other");
    tell("here");
    for (const [one, sheet] of due()) if (!(await sendOne(one, sheet, now.token))) return;
  }

  function tell(network) {
    if (app.network === network) return;
    app.network = network;
    app.showNetwork();
  }

  async function sendOne(one, sheet, token) {
    const sent = { ticket: one.packet.ticket, sheet: sheet.id, instrument: sheet.instrument, answers: sheet.answers, asked: sheet.asked, safety: sheet.safety, finished: Boolean(sheet.finished), now: new Date().toISOString(), decided: sheet.decided };
    const [said, heard, answers] = [JSON.stringify(sent), alarmsOf(one, sheet), JSON.stringify(sheet.answers)];
    let answer;
    let told;
    try {
      answer = await fetch("/offline/send", { method: "POST", body: said, headers: { "Content-Type": "application/json", "X-CSRFToken": token, "HX-Request": "true" }, credentials: "same-origin", signal: AbortSignal.timeout(30_000) });
      if (answer.status === 401) return tell("sign-in"), false;
      told = await answer.json();
    } catch {
      return tell("away"), false;
    }
    if (answer.status >= 500 || answer.status === 429) return tell("away"), false;
    await took(one, sheet, told, { heard, answers, wasFinished: sent.finished, safety: sent.safety?.at });
    return true;
  }

  async function took(one, sheet, told, sent) {
    if (told.state === "done") {
      await store.dropSheet(sheet.id);
      /* She changed an answer while it was on its way: that is a sheet of its own, and she will be asked about the first. */
      if (JSON.stringify(sheet.answers) !== sent.answers) {
        sheet.id = store.newId();
        await app.keep(sheet);
      } else one.sheets.splice(one.sheets.indexOf(sheet), 1);
      app.sent.push({ name: inWords(instrumentOf(one, sheet).title, own), person: one.packet.person.name, url: told.url });
    } else if (told.state === "kept") {
      sheet.heard = [...new Set([...sheet.heard, ...sent.heard])];
      sheet.safetyTold = sent.safety;
      for (const [key, at] of Object.entries(told.stamps || {})) if (sheet.answers[key]) sheet.answers[key].seen = at;
      /* She may have gone on answering while it was on its way: then it is not finished yet. */
      if (sent.wasFinished && sheet.finished) Object.assign(sheet, { state: "kept", told });
      await app.keep(sheet);
    } else {
      Object.assign(sheet, { state: told.state === "asks" ? "asks" : "refused", told });
      await app.keep(sheet);
    }
    if (app.asking?.sheet === sheet && told.state === "kept" && !sheet.state) app.told();
    else app.listIfShown();
  }

  app.told = () => {
    const status = app.asking.alarm.querySelectorAll(".with-whom b");
    status.forEach((each) => { each.textContent = words.clinicianTold; });
  };

  // -- what she decides ---------------------------------------------------------------------------------------------
  app.waits = (one, sheet) => {
    const name = inWords(instrumentOf(one, sheet).title, own);
    if (sheet.state === "asks") return asks(one, sheet, name);
    if (sheet.state === "refused") return el("section.notice.danger", { role: "alert" }, el("h2", fill(words.refused, { name })), el("p", sheet.told.because), el("p", sheet.told.todo), ways(one, sheet, true));
    return el("section.notice.late", { role: "status" }, el("h2", fill(words.there, { name })), el("ul", (sheet.told.because || []).map((line) => el("li", line))),
      el("div.buttons", el("a.button.main", { href: sheet.told.url }, words.goOnThere), el("button.line", { type: "button", click: () => drop(one, sheet) }, words.seen)));
  };

  function asks(one, sheet, name) {
    const { told } = sheet;
    const choice = (key, value, label, said) => el("label.choice", el("input", { type: "radio", name: key, value, required: true }), el("span", el("b", label), `: ${said}`));
    const lines = told.answers.map((each) => el("fieldset.field", el("legend", each.text), el("div.choices", choice(`a ${each.key}`, "here", words.onDevice, each.here), choice(`a ${each.key}`, "there", words.inRecord, each.there))));
    const who = told.who && el("label.check", el("input", { type: "checkbox", name: "who", required: true }), el("span", fill(words.samePerson, { here: one.packet.person.name, there: told.who })));
    const beside = told.beside && el("div", el("p", fill(words.besideBy, told.beside), " ", el("a", { href: told.beside.url, target: "_blank" }, words.look)), el("label.check", el("input", { type: "checkbox", name: "beside", required: true }), el("span", words.besideToo)));
    return el("form.notice.late.form", { submit: (event) => decide(event, one, sheet) }, el("h2", fill(words.asks, { name })), el("p", words.asksWhy), lines, who, beside, el("div.buttons", el("button.main", words.sendSo)), ways(one, sheet, false));
  }

  async function decide(event, one, sheet) {
    event.preventDefault();
    const typed = new FormData(event.target);
    const { told, decided } = sheet;
    decided.answers = { ...decided.answers, ...Object.fromEntries(told.answers.map((each) => [each.key, typed.get(`a ${each.key}`)])) };
    if (told.who) decided.who = true;
    if (told.beside) decided.beside = told.beside.id;
    Object.assign(sheet, { state: "", told: null });
    await app.keep(sheet);
    await app.list();
    app.send();
  }

  function ways(one, sheet, mayRetry) {
    const retry = async () => {
      Object.assign(sheet, { state: "", told: null });
      await app.keep(sheet);
      await app.list();
      app.send();
    };
    return el("div.buttons", mayRetry && el("button.main", { type: "button", click: retry }, words.again), el("button.line", { type: "button", click: () => app.paper(one, sheet) }, words.read), el("button", { type: "button", click: () => app.sure(words.dropSure, () => drop(one, sheet)) }, words.drop));
  }

  async function drop(one, sheet) {
    one.sheets.splice(one.sheets.indexOf(sheet), 1);
    await store.dropSheet(sheet.id);
    app.list();
  }

  /* What was written, to read and to print, whatever became of the sending. */
  app.paper = (one, sheet) => {
    const instrument = instrumentOf(one, sheet);
    const { questions } = form.asking(instrument.form, sheet.answers);
    const language = sheet.asked.language;
    const said = (item) => {
      const answer = sheet.answers[item.linkId];
      if (!form.isAnswered(answer)) return words.noAnswer;
      if (answer.absent) return words[answer.absent];
      return answer.values.map((value) => inWords(item.options?.find((each) => each.key === value)?.text, language) || value).join(", ");
    };
    app.show(el("h1", { tabindex: "-1" }, inWords(instrument.title, own)), app.whom(one), el("p.notice.late", words.notSent, ". ", fill(words.writtenAt, { day: app.dayOf(sheet.finished || sheet.begun), time: app.clock(sheet.finished || sheet.begun) })),
      el("table.given", el("tbody", questions.map((item) => el("tr", el("td", { lang: language }, inWords(item.text, language)), el("td", said(item)))))),
      sheet.safety?.safe ? el("p", `${words.where} ${sheet.safety.where} · ${words.callback}: ${sheet.safety.callback} · ${words.safeNow} ${words[`safe-${sheet.safety.safe}`]}`) : "",
      el("div.buttons", el("button.main", { type: "button", click: () => print() }, words.print), el("button", { type: "button", click: app.list }, words.toList)));
  };

  setInterval(app.send, EVERY);
  addEventListener("online", app.send);
  document.addEventListener("visibilitychange", () => document.hidden || app.send());
})();
