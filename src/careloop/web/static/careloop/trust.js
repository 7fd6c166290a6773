/* The one way by which text of our own server becomes HTML in a page (Trusted Types). Text never becomes a script, nor a
   script's address but for the one worker that keeps the page of what was taken along; all else throws. Loaded before
   everything else; browsers without Trusted Types do without. */
"use strict";

window.trustedTypes?.createPolicy("default", {
  createHTML: (html) => html,
  createScriptURL: (url) => {
    if (url !== "/offline/worker.js") throw new TypeError("no script by its address");
    return url;
  },
});
