/* One set of questions, asked from the device. Every answer is encrypted and written down as it is given. */
"use strict";

(() => {
  const words = JSON.parse(document.getElementById("words").textContent);
  const form = window.careloopForm;
  const store = window.careloopOffline;
  const own = document.documentElement.lang.startsWith("es") ? "es" : "en";

  /* el("p.small", {lang: "es"}, "words", node): text is only ever text. */
  function el(what, ...rest) {
    const [tag, ...classes] = what.split(".");
    const node = document.createElement(tag || "div");
    if (classes.length) node.className = classes.join(" ");
    for (const each of rest.flat()) {
      if (each === null || each === undefined || each === "" || each === false) continue;
      if (typeof each === "object" && !(each instanceof Node)) set(node, each);
      else node.append(each);
    }
    return node;
  }

  function set(node, told) {
    for (const [name, value] of Object.entries(told)) {
      if (typeof value === "function") node.addEventListener(name, value);
      else if (value === true) node.setAttribute(name, "");
      else if (value !== false && value !== null && value !== undefined && value !== "") node.setAttribute(name, value);
    }
  }

  const fill = (sentence, told) => sentence.replace(/\{(\w+)\}/g, (_, name) => told[name] ?? "");
  const clock = (at) => new Intl.DateTimeFormat(document.documentElement.lang, { hour: "numeric", minute: "2-digit" }).format(new Date(at));
  const dayOf = (at) => new Intl.DateTimeFormat(document.documentElement.lang, { weekday: "long", month: "short", day: "numeric" }).format(new Date(at));
  const inWords = (texts, language) => texts?.[language] || texts?.[""] || texts?.en || "";
  const app = (window.careloopPage = { el, fill, words, clock, dayOf, inWords, own, lock: null, packets: [], sent: [], asking: null });

  let keeping = Promise.resolve();
  /* One after the other, so that the newest stands there in the end. */
  app.keep = (sheet) => {
    const { lock } = app;
    keeping = keeping.then(() => lock && store.keepSheet(lock, sheet)).catch(() => app.say(words.noRoom));
    return keeping;
  };

  // -- beginning: who answers, in which language ------------------------------------------------------------------
  app.begin = (one, instrument) => {
    const { person, helpers } = one.packet;
    const mine = `Patient/${person.id}`;
    const likely = ["en", "es"].includes(person.language) && (person.language === own || !person.interpreter) ? person.language : own;
    const radio = (name, value, label, isOn) => el("label.choice", el("input", { type: "radio", name, value, checked: isOn }), el("span", label));
    const other = el("div", { hidden: true }, el("label.label-small", { for: "told-by-name" }, words.whoAndHow), el("input", { id: "told-by-name", name: "told_by_name", maxlength: "200", autocomplete: "off" }));
    const asking = el("form.form.assess-begin", { submit: (event) => start(event, one, instrument), change: (event) => { other.hidden = new FormData(event.currentTarget).get("told_by") !== "other"; } },
      el("fieldset.field", el("legend", words.whoAnswers), el("div.choices", radio("told_by", mine, person.name, true), helpers.map(([ref, said]) => radio("told_by", ref, said)), radio("told_by", "other", words.somebodyElse)),
        other),
      el("fieldset.field", el("legend", words.whichLanguage), el("div.choices.across", radio("language", "en", words.english, likely === "en"), radio("language", "es", words.spanish, likely === "es"))),
      el("div.field-check", el("label.check", el("input", { type: "checkbox", name: "interpreter", checked: person.interpreter && likely !== person.language }), el("span", words.interpreter))),
      el("div.buttons", el("button.main", words.begin), el("button", { type: "button", click: app.list }, words.notNow)));
    app.show(el("h1", { tabindex: "-1" }, inWords(instrument.title, own)), app.whom(one), asking);
  };

  function start(event, one, instrument) {
    event.preventDefault();
    const typed = new FormData(event.target);
    const teller = typed.get("told_by");
    const asked = {
      language: typed.get("language"),
      source: teller === "other" ? "" : teller,
      heard_from: teller === "other" ? typed.get("told_by_name").trim() : "",
      interpreter: typed.get("interpreter") ? "an interpreter" : "",
    };
    const sheet = app.newSheet(one, instrument.id, asked, {});
    app.keep(sheet);
    app.ask(one, sheet);
  }

  app.newSheet = (one, instrument, asked, answers) => {
    const sheet = { id: store.newId(), packet: one.packet.id, instrument, begun: new Date().toISOString(), asked, answers, safety: null, finished: null, state: "", told: null, decided: {}, heard: [] };
    one.sheets.push(sheet);
    return sheet;
  };

  // -- the questions ----------------------------------------------------------------------------------------------
  app.ask = (one, sheet) => {
    const instrument = one.packet.instruments.find((each) => each.id === sheet.instrument);
    const language = sheet.asked.language;
    const groups = new Map(instrument.form.items.map((item) => [item.linkId, item]));
    const list = el("div.questions");
    let last = null;
    for (const item of instrument.form.items.filter((each) => each.asked)) {
      const group = groups.get(item.parent);
      if (group && group !== last && group.text?.[""]) list.append(el("div.asked-of", { "data-group": group.linkId }, el("p.group-text", { lang: language }, inWords(group.text, language)), el("p.help", { lang: language }, inWords(group.help, language))));
      last = group;
      list.append(question(instrument, item, group, language));
    }
    const finish = el("section.finish#", { id: "q-finish", "data-question": "finish", tabindex: "-1", "aria-labelledby": "finish-title" });
    finish.className = "finish";
    app.asking = { one, sheet, instrument, language, list, finish, head: el("div.assess-head"), alarm: el("div") };
    app.show(el("h1.hidden-text", { tabindex: "-1" }, `${inWords(instrument.title, own)}, ${one.packet.person.name}`), app.whom(one), app.asking.head, app.asking.alarm, list, finish,
      el("p.keys.small.quiet.no-print", el("kbd", "1"), "–", el("kbd", "9"), ` ${words.answer} `, el("kbd", "j"), " ", el("kbd", "k"), ` ${words.nextBack} `, el("kbd", "d"), ` ${words.declined} `, el("kbd", "w"), ` ${words.unknown} `, el("kbd", "n"), ` ${words["not-asked"]}`),
      el("p.small.quiet.assess-source", inWords(instrument.copyright, own)));
    refresh();
    const open = form.missing(instrument.form, sheet.answers)[0];
    goTo(open ? place(open.linkId) : finish, true);
  };

  function question(instrument, item, group, language) {
    const id = `t-${item.linkId}`;
    const help = inWords(instrument.helps[item.linkId], language) || inWords(item.help, language);
    const ask = el("div.ask", el("p.group-again.small.quiet", { lang: language }, inWords(group?.text, language)),
      el("p.text", { id }, el("span.num"), " ", el("span", { lang: language }, inWords(item.text, language))), help && el("p.help", { lang: language }, help),
      el("p.error", { id: `e-${item.linkId}`, role: "alert", hidden: true }), control(item, language, id),
      el("div.reasons", ["declined", "unknown", "not-asked"].map((why) => el("button.reason", { type: "button", value: why, "aria-pressed": "false", click: () => press(item, null, why) }, words[why]))),
      el("nav.steps-nav.no-print", { "aria-label": words.questions }, el("button", { type: "button", click: () => step(-1) }, words.back), el("button", { type: "button", click: () => step(1) }, words.next)));
    return el("div.question", { id: `q-${item.linkId}`, "data-question": item.linkId, role: "group", "aria-labelledby": id, tabindex: "-1", focusin: (event) => goTo(event.currentTarget, false, true) }, ask);
  }

  function control(item, language, id) {
    const key = (at) => (at < 9 ? el("kbd", { "aria-hidden": "true" }, String(at + 1)) : "");
    if (item.options && item.repeats) return el("div.answers.many", { lang: language }, item.options.map((each, at) => el("label.choice", el("input", { type: "checkbox", value: each.key, change: (event) => tick(item, each.key, event.target.checked) }), el("span", inWords(each.text, language)), key(at))));
    if (item.options) return el("div.answers", { lang: language }, item.options.map((each, at) => el("button.answer", { type: "button", value: each.key, "aria-pressed": "false", click: () => press(item, each.key) }, el("span", inWords(each.text, language)), key(at))));
    const how = { "aria-labelledby": id, autocomplete: "off", maxlength: item.maxLength, input: (event) => write(item, event.target) };
    if (item.type === "text") return el("div.written", el("textarea", { rows: "2", ...how, maxlength: item.maxLength || "4000" }));
    if (item.type === "integer") return el("div.written", el("input.short", { type: "text", inputmode: "numeric", ...how }));
    return el("div.written", el("input", { type: item.type === "date" ? "date" : "text", ...how }));
  }

  // -- answering ---------------------------------------------------------------------------------------------------
  const itemOf = (id) => app.asking.instrument.form.items.find((item) => item.linkId === id);
  const place = (id) => app.asking.list.querySelector(`[data-question="${CSS.escape(id)}"]`);
  const answersOf = () => app.asking.sheet.answers;

  function keep(item, values, absent) {
    const { sheet } = app.asking;
    sheet.answers[item.linkId] = { values, absent, at: new Date().toISOString(), seen: sheet.answers[item.linkId]?.seen || "", mine: true };
    Object.assign(sheet, { finished: null, state: "", told: null, decided: {} });
    app.keep(sheet).then(() => app.asking?.sheet === sheet && (app.asking.head.querySelector(".saved").textContent = fill(words.keptAt, { time: clock(Date.now()) })));
    return refresh();
  }

  function press(item, key, why) {
    const before = answersOf()[item.linkId];
    const wasOn = why ? before?.absent === why : before?.values[0] === key;
    const said = wasOn ? { values: [], absent: null } : why ? form.reason(item, why) : { values: [key], absent: null };
    const spoke = keep(item, said.values, said.absent);
    if (!wasOn && !spoke) step(1);
  }

  function tick(item, key, isOn) {
    keep(item, form.ticked(item, answersOf()[item.linkId]?.values || [], key, isOn), null);
  }

  function write(item, field) {
    const value = field.value.trim();
    const fault = value && form.problem(item, value);
    const error = document.getElementById(`e-${item.linkId}`);
    error.textContent = fault ? fill(words[`problem-${fault}`], { low: item.minimum, high: item.maximum, most: item.maxLength }) : "";
    error.hidden = !fault;
    field.toggleAttribute("aria-invalid", Boolean(fault));
    if (!fault) keep(item, value ? [value] : [], null);
  }

  /* What changed because of an answer; whether something critical was said just now. */
  function refresh() {
    const { instrument, sheet, list, head, finish } = app.asking;
    const { asked } = form.asking(instrument.form, sheet.answers);
    let number = 0;
    for (const one of list.querySelectorAll(".question")) {
      const answer = sheet.answers[one.dataset.question];
      one.hidden = !asked.has(one.dataset.question);
      if (!one.hidden) one.querySelector(".num").textContent = String((number += 1));
      one.querySelectorAll(".answer").forEach((each) => each.setAttribute("aria-pressed", String(answer?.values.includes(each.value) || false)));
      one.querySelectorAll("input[type=checkbox]").forEach((each) => { each.checked = answer?.values.includes(each.value) || false; });
      one.querySelectorAll(".reason").forEach((each) => each.setAttribute("aria-pressed", String(answer?.absent === each.value)));
      const field = one.querySelector(".written > *");
      if (field && field !== document.activeElement) field.value = answer?.values[0] || "";
    }
    for (const group of list.querySelectorAll("[data-group]")) group.hidden = !asked.has(group.dataset.group);
    const done = form.progress(instrument.form, sheet.answers);
    head.replaceChildren(el("div.done-of", el("b", inWords(instrument.short, own)), " ", el("span.num", fill(words.nOf, { n: done.answered, total: done.total })), el("progress.meter", { max: done.total, value: done.answered, "aria-label": words.answered })),
      el("div.live-score", el("span.flag.late", words.notSent)), el("span.saved", { role: "status" }, fill(words.keptAt, { time: clock(Date.now()) })));
    last(finish);
    return app.alarm();
  }

  function last(finish) {
    const { instrument, sheet, language } = app.asking;
    const lacking = form.missing(instrument.form, sheet.answers);
    const needsSafety = form.alarms(instrument, sheet.answers).some((each) => each.asks_safety) && !sheet.safety?.safe;
    finish.replaceChildren(el("h2", { id: "finish-title" }, lacking.length ? fill(lacking.length === 1 ? words.lacksOne : words.lacksMore, { n: lacking.length }) : needsSafety ? words.safetyFirst : words.nothingMissing),
      el("ol.missing", lacking.map((item) => el("li", el("a", { href: `#q-${item.linkId}`, lang: language, click: (event) => { event.preventDefault(); goTo(place(item.linkId)); } }, inWords(item.text, language))))),
      lacking.length ? el("p.small.quiet", words.reasonsToo) : "",
      el("div.buttons", el("button.main", { type: "button", disabled: lacking.length > 0 || needsSafety, click: () => done() }, words.finish), el("button", { type: "button", click: app.list }, words.leave)));
  }

  async function done() {
    const { sheet } = app.asking;
    sheet.finished = new Date().toISOString();
    await app.keep(sheet);
    await app.list();
    app.send();
  }

  // -- moving ------------------------------------------------------------------------------------------------------
  const places = () => [...app.asking.list.querySelectorAll(".question:not([hidden])"), app.asking.finish];
  const current = () => document.querySelector("[data-question][aria-current]") || places()[0];

  function goTo(where, stays, keepsFocus) {
    document.querySelectorAll("[data-question][aria-current]").forEach((one) => one !== where && one.removeAttribute("aria-current"));
    where.setAttribute("aria-current", "step");
    if (keepsFocus) return;
    where.focus({ preventScroll: true });
    if (!stays) where.scrollIntoView({ block: innerWidth <= 700 ? "start" : "center" });
  }

  function step(by) {
    const all = places();
    goTo(all[Math.max(0, Math.min(all.length - 1, all.indexOf(current()) + by))]);
  }

  document.addEventListener("keydown", (event) => {
    if (!app.asking || event.ctrlKey || event.metaKey || event.altKey || event.target.closest("textarea, input:not([type=checkbox], [type=radio]), select, dialog, .safety")) return;
    const here = current();
    if (["ArrowDown", "j"].includes(event.key)) step(1);
    else if (["ArrowUp", "k"].includes(event.key)) step(-1);
    else if (/^[1-9]$/.test(event.key)) here.querySelectorAll(".answer, .answers input")[Number(event.key) - 1]?.click();
    else if ("dwn".includes(event.key)) here.querySelector(`.reason[value=${{ d: "declined", w: "unknown", n: "not-asked" }[event.key]}]`)?.click();
    else if (event.key === "Enter" && event.target === here && here.querySelector(".written > *")) here.querySelector(".written > *").focus();
    else return;
    event.preventDefault();
  });

  // -- what is critical: it speaks at once here too, and says that nobody has been told yet -------------------------
  app.alarm = () => {
    const { instrument, sheet, alarm, language, one } = app.asking;
    const heard = form.alarms(instrument, sheet.answers);
    const fresh = heard.filter((each) => !alarm.dataset.shown?.split(" ").includes(each.id));
    alarm.dataset.shown = heard.map((each) => each.id).join(" ");
    if (heard.length && !fresh.length && alarm.firstChild) return false;
    const known = heard.every((each) => sheet.heard.includes(each.id));
    const call = one.packet.on_call;
    alarm.replaceChildren(...heard.map((each) => el("section.alarm", { "aria-label": words.needsSomebody }, el("h2", { tabindex: "-1" }, words.needsSomebody), el("p.say", { lang: language }, `“${inWords(each.say, language)}”`),
      el("p.numbers.no-print", each.numbers.map((number, at) => el(at ? "a.button.line" : "a.button.stop", { href: `tel:${number}` }, number)), call?.phone && el("a.button.line", { href: `tel:${call.phone}` }, call.phone, " ", el("span", call.name))),
      el("ul.do", (each.do[own] || []).map((line) => el("li", line))), el("p.with-whom", { role: "status" }, el("b", known ? words.clinicianTold : words.nobodyTold)))), heard.some((each) => each.asks_safety) ? safety() : "");
    if (!fresh.length || !alarm.firstChild) return false;
    const heading = alarm.querySelector("h2");
    heading.scrollIntoView({ block: "start" });
    heading.focus({ preventScroll: true });
    app.send();
    return true;
  };

  function safety() {
    const { sheet } = app.asking;
    const now = sheet.safety || {};
    const write = (event) => {
      const typed = new FormData(event.currentTarget);
      const at = event.type === "change" ? new Date().toISOString() : sheet.safety?.at || new Date().toISOString();
      sheet.safety = { where: typed.get("where"), callback: typed.get("callback"), safe: typed.get("safe") || "", at };
      app.keep(sheet);
      last(app.asking.finish);
      if (event.type === "change") app.send();
    };
    const field = (name, label, more) => el("div.field", el("label", { for: `safety-${name}` }, label), el("input", { id: `safety-${name}`, name, autocomplete: "off", value: now[name], ...more }));
    return el("form.safety", { input: write, change: write, submit: (event) => event.preventDefault() }, el("div.pair", field("where", words.where, { maxlength: "500" }), field("callback", words.callback, { maxlength: "100", inputmode: "tel" })),
      el("fieldset.field", el("legend", words.safeNow), el("div.choices.across", ["yes", "no", "unsure", "not-asked"].map((each) => el("label.choice", el("input", { type: "radio", name: "safe", value: each, checked: now.safe === each }), el("span", words[`safe-${each}`]))))));
  }
})();
