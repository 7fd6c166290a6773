/* A set of questions, asked without the server: what is asked now, how far it has come, what does not fit, what is
   critical. The same rules as fhir/questionnaire and library/conditions, for the plain forms that are taken along; the
   server checks everything again. tests/browser/test_offline_form.py holds the two against each other. */
"use strict";

window.careloopForm = (() => {
  const REASONS = ["declined", "unknown", "not-asked"];

  /* form: as packed by the server. answers: linkId -> {values, absent}. */
  function asking(form, answers) {
    const byId = new Map(form.items.map((item) => [item.linkId, item]));
    const asked = new Set();
    for (const id of form.order) {
      const item = byId.get(id);
      if (item.parent && !asked.has(item.parent)) continue;
      if (met(item, byId, asked, answers)) asked.add(id);
    }
    return { byId, asked, questions: form.items.filter((item) => item.asked && asked.has(item.linkId)) };
  }

  function met(item, byId, asked, answers) {
    const results = (item.when || []).map((when) => {
      const said = asked.has(when.question) ? answers[when.question]?.values || [] : [];
      return holds(byId.get(when.question), when, said);
    });
    if (!results.length) return true;
    return item.all ? results.every(Boolean) : results.some(Boolean);
  }

  function holds(item, when, values) {
    if (when.operator === "exists") return values.length > 0 === Boolean(when.value);
    if (when.operator === "!=") return !values.some((value) => isEqual(item, when.value, value));
    if (when.operator === "=") return values.some((value) => isEqual(item, when.value, value));
    return values.some((value) => compare(when.operator, measure(item, value), measure(item, when.value)));
  }

  function isEqual(item, expected, value) {
    const option = item.options?.find((one) => one.key === value);
    const own = option ? option.value : value;
    if (typeof expected === "object") return own?.code === expected.code && [own.system || "", ""].includes(expected.system ?? own.system ?? "");
    return String(own) === String(expected);
  }

  const measure = (item, value) => (["integer", "decimal"].includes(item.type) ? Number(value) : String(value));
  const compare = (operator, a, b) => ({ ">": a > b, "<": a < b, ">=": a >= b, "<=": a <= b })[operator] || false;

  const isAnswered = (answer) => Boolean(answer && (answer.values.length || answer.absent));

  function progress(form, answers) {
    const { questions } = asking(form, answers);
    return { answered: questions.filter((item) => isAnswered(answers[item.linkId])).length, total: questions.length };
  }

  const missing = (form, answers) => asking(form, answers).questions.filter((item) => item.required && !isAnswered(answers[item.linkId]));

  /* Empty for what fits, else why not: number, low, high, long, date. */
  function problem(item, value) {
    if (item.type === "integer" && !/^-?\d{1,9}$/.test(value)) return "number";
    if (item.type === "integer" && item.minimum !== undefined && Number(value) < Number(item.minimum)) return "low";
    if (item.type === "integer" && item.maximum !== undefined && Number(value) > Number(item.maximum)) return "high";
    if (item.type === "date" && !/^\d{4}-\d{2}-\d{2}$/.test(value)) return "date";
    return item.maxLength && value.length > item.maxLength ? "long" : "";
  }

  // -- what is critical ---------------------------------------------------------------------------------------------
  function alarms(instrument, answers) {
    const { byId, asked } = asking(instrument.form, answers);
    const look = (path) => {
      const [subject, id] = [path.slice(0, path.indexOf("/")), path.slice(path.indexOf("/") + 1)];
      const answer = asked.has(id) ? answers[id] : null;
      if (subject === "value") return worth(byId.get(id), answer);
      return answer?.values.length ? answer.values : answer?.absent || null;
    };
    return instrument.critical.filter((each) => said(each.when, look));
  }

  function worth(item, answer) {
    if (!item || !answer?.values.length) return null;
    if (!item.options) return item.type === "integer" ? Number(answer.values[0]) : null;
    const points = answer.values.map((value) => item.options.find((one) => one.key === value)?.points);
    return points.some((one) => one === undefined) ? null : points.reduce((sum, one) => sum + Number(one), 0);
  }

  function said(when, look) {
    if (when.all) return when.all.every((part) => said(part, look));
    if (when.any) return when.any.some((part) => said(part, look));
    if (when.not) return !said(when.not[0], look);
    const found = look(when.path);
    const isReason = typeof found === "string" && REASONS.includes(found);
    if (when.operator === "known") return (found !== null && !isReason) === when.value;
    if (found === null || (isReason && when.operator !== "is")) return false;
    const limit = Number(when.value);
    const numeric = { at_least: found >= limit, at_most: found <= limit, above: found > limit, below: found < limit };
    if (when.operator in numeric) return numeric[when.operator];
    const present = Array.isArray(found) ? found : [found];
    return present.some((one) => when.value.includes(one)) === (when.operator === "is");
  }

  /* An option that stands alone takes the others away, and goes when another one comes. */
  function ticked(item, before, key, isOn) {
    const isAlone = (one) => item.options.find((option) => option.key === one)?.alone;
    if (!isOn) return before.filter((one) => one !== key);
    if (isAlone(key)) return [key];
    const now = new Set([...before.filter((one) => !isAlone(one)), key]);
    return item.options.map((option) => option.key).filter((one) => now.has(one));
  }

  /* “Declined” where the form has an answer for it is that answer. */
  function reason(item, absent) {
    const refused = absent === "declined" && item.options?.find((one) => one.key === "refused");
    return refused ? { values: ["refused"], absent: null } : { values: [], absent };
  }

  return { asking, progress, missing, problem, alarms, ticked, reason, isAnswered };
})();
