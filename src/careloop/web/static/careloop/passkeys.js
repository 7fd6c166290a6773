/* Passkeys: asks us for a challenge, the device for its answer, and sends the form. Without them, or without
   JavaScript, the forms stay hidden and the other ways are there. */
"use strict";

(() => {
  const can = window.isSecureContext && window.PublicKeyCredential;
  const bytes = (text) => Uint8Array.from(atob(text.replace(/-/g, "+").replace(/_/g, "/")), (letter) => letter.charCodeAt(0));
  const text = (buffer) => btoa(String.fromCharCode(...new Uint8Array(buffer))).replace(/\+/g, "-").replace(/\//g, "_").replace(/=+$/, "");

  async function asked(form) {
    const answer = await fetch(form.dataset.ask, { headers: { Accept: "application/json" }, cache: "no-store", credentials: "same-origin" });
    if (!answer.ok) throw new Error("no challenge");
    const { options, token } = await answer.json();
    options.challenge = bytes(options.challenge);
    if (options.user) options.user.id = bytes(options.user.id);
    for (const list of [options.excludeCredentials, options.allowCredentials]) {
      for (const each of list || []) each.id = bytes(each.id);
    }
    return { options, token };
  }

  async function answered(form, publicKey) {
    const key = form.dataset.passkey === "make"
      ? await navigator.credentials.create({ publicKey })
      : await navigator.credentials.get({ publicKey });
    const said = {};
    for (const name of ["clientDataJSON", "attestationObject", "authenticatorData", "signature", "userHandle"]) {
      if (key.response[name]) said[name] = text(key.response[name]);
    }
    return JSON.stringify({ id: key.id, rawId: text(key.rawId), type: key.type, clientExtensionResults: {}, response: said });
  }

  document.querySelectorAll("form[data-passkey]").forEach((form) => {
    if (!can) return;
    form.hidden = false;
    document.querySelectorAll("[data-no-passkey]").forEach((node) => node.remove());
    const said = form.querySelector("[data-said]");
    const button = form.querySelector("button");
    form.addEventListener("submit", async (event) => {
      event.preventDefault();
      said.textContent = "";
      button.disabled = true;
      try {
        const { options, token } = await asked(form);
        form.elements.answer.value = await answered(form, options);
        form.elements.token.value = token;
        form.submit();
      } catch (fault) {
        if (!(fault instanceof DOMException || fault instanceof Error)) throw fault;
        said.textContent = form.dataset.failed;
        button.disabled = false;
      }
    });
  });
})();
