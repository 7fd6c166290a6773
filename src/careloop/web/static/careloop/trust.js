/* The one way by which text of our own server becomes HTML in a page (Trusted Types). Text never becomes a script or a
   script's address; both throw. Loaded before everything else; browsers without Trusted Types do without. */
"use strict";

window.trustedTypes?.createPolicy("default", { createHTML: (html) => html });
