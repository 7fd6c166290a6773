/* On every page of the staff: a word when answers on this device are not sent yet, and a question before signing out,
   which wipes them (the server's answer does: Clear-Site-Data). It counts, and reads nothing. */
"use strict";

(() => {
  const mark = document.getElementById("unsent");
  if (!mark || !window.indexedDB?.databases) return;

  async function counted() {
    return (await indexedDB.databases()).some((one) => one.name === "careloop-offline") ? window.careloopOffline.counted() : { packets: 0, unsent: 0 };
  }

  counted().then(({ unsent }) => {
    if (!unsent) return;
    mark.querySelector("b").textContent = String(unsent);
    mark.hidden = false;
  }).catch(() => null);

  document.addEventListener("submit", async (event) => {
    const form = event.target;
    if (new URL(form.action, location.href).pathname !== "/sign-out" || form.dataset.sure) return;
    event.preventDefault();
    form.dataset.sure = "1";
    const { packets, unsent } = await counted().catch(() => ({ packets: 0, unsent: 0 }));
    if (unsent && !(await sure())) return void delete form.dataset.sure;
    if (packets) await window.careloopOffline.wipe();
    form.requestSubmit();
  });

  function sure() {
    const asked = document.getElementById("unsent-sure");
    asked.showModal();
    return new Promise((go) => asked.addEventListener("close", () => go(asked.returnValue === "yes"), { once: true }));
  }
})();
