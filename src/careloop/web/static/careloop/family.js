/* Leave quickly: the page goes white at once, the session ends, and Back does not lead here again. */
"use strict";

(() => {
  for (const form of document.querySelectorAll("form[data-leave]")) {
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      const said = new FormData(form);
      document.documentElement.hidden = true;
      document.title = " ";
      const away = () => location.replace("/away");
      fetch(form.action, { method: "POST", body: said, credentials: "same-origin", keepalive: true, redirect: "manual" }).then(away, away);
      setTimeout(away, 1500);
    });
  }
  document.querySelector("[data-focus]")?.focus();
})();
