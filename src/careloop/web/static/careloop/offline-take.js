/* Taking the questions along: what the server gives is encrypted before it is written down, and the page that asks them
   is made ready for a time without a network. */
"use strict";

(() => {
  const form = document.getElementById("take");
  if (!form) return;
  const password = document.getElementById("password");
  const store = window.careloopOffline;

  function complain(sentence) {
    const error = document.getElementById("password-error");
    error.textContent = sentence;
    error.hidden = false;
    document.getElementById("field-password").classList.add("has-error");
    password.setAttribute("aria-invalid", "true");
    form.querySelector("button").disabled = false;
    password.focus();
  }

  async function take() {
    await navigator.serviceWorker.register("/offline/worker.js", { scope: "/offline/" });
    navigator.storage?.persist?.();
    const answer = await fetch(location.pathname, { method: "POST", body: new URLSearchParams(new FormData(form)), headers: { "HX-Request": "true" }, credentials: "same-origin" });
    if (answer.status === 401) return location.reload();
    const told = await answer.json();
    if (told.problem) return complain(told.problem);
    await store.tidy();
    const lock = await store.lockFor(password.value, told.account);
    await store.keepPacket(lock, told);
    const worker = await navigator.serviceWorker.getRegistration("/offline/");
    await ready(worker);
    location.assign("/offline/");
  }

  /* Until the worker has kept the page's files: then it opens without a network. */
  function ready(registration) {
    if (registration.active) return Promise.resolve();
    const worker = registration.installing || registration.waiting;
    return new Promise((go, fail) => worker.addEventListener("statechange", () => {
      if (worker.state === "activated") go();
      if (worker.state === "redundant") fail(new Error("the page could not be kept"));
    }));
  }

  form.addEventListener("submit", (event) => {
    event.preventDefault();
    form.querySelector("button").disabled = true;
    if (!window.indexedDB || !navigator.serviceWorker || !crypto.subtle) return complain(form.dataset.noRoom);
    take().catch((fault) => complain(fault instanceof TypeError || fault instanceof SyntaxError ? form.dataset.wentWrong : form.dataset.noRoom));
  });
})();
