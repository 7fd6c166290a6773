{% load static %}/* Keeps the page of what was taken along, so that it opens without a network: its own files, and nothing of anybody. It
   rules /offline/ alone, takes what is newest when it can, and touches no other address. */
"use strict";

const CACHE = "careloop-offline";
const PAGE = "/offline/";
const FILES = ["{% static 'careloop/tokens.css' %}", "{% static 'careloop/careloop.css' %}", "{% static 'careloop/assess.css' %}", "{% static 'careloop/offline.css' %}", "{% static 'careloop/trust.js' %}", "{% static 'careloop/offline-store.js' %}", "{% static 'careloop/offline-form.js' %}", "{% static 'careloop/offline-ask.js' %}", "{% static 'careloop/offline-send.js' %}", "{% static 'careloop/offline.js' %}", "{% static 'careloop/mark.svg' %}", "{% static 'vendor/source-sans-3-latin.woff2' %}"];

addEventListener("install", (event) => {
  event.waitUntil(caches.open(CACHE).then((kept) => kept.addAll([PAGE, ...FILES])).then(() => skipWaiting()));
});
addEventListener("activate", (event) => event.waitUntil(clients.claim()));

addEventListener("fetch", (event) => {
  const asked = new URL(event.request.url);
  if (event.request.method !== "GET" || asked.origin !== location.origin || asked.search) return;
  if (asked.pathname === PAGE ? event.request.mode === "navigate" : FILES.includes(asked.pathname)) event.respondWith(newest(event.request, asked.pathname));
});

async function newest(request, path) {
  const kept = await caches.open(CACHE);
  try {
    const answer = await fetch(request, { signal: AbortSignal.timeout(4000) });
    if (answer.ok && !answer.redirected) await kept.put(path, answer.clone());
    if (answer.ok || answer.status === 404) return answer;
  } catch {
    /* No network: what was kept, below. */
  }
  return (await kept.match(path)) || Response.error();
}
