// Keeps the phone page's own files, so that the button is there without a network. Signals and stages never pass here.
"use strict";

const CACHE = "anling-sos-1";
const FILES = ["/sos", "/sos/sos.css", "/sos/sos.js", "/sos/icon.svg", "/sos/manifest.webmanifest"];

self.addEventListener("install", (event) => {
  event.waitUntil(caches.open(CACHE).then((cache) => cache.addAll(FILES)).then(() => self.skipWaiting()));
});

self.addEventListener("activate", (event) => {
  const stale = (names) => Promise.all(names.filter((name) => name !== CACHE).map((name) => caches.delete(name)));
  event.waitUntil(caches.keys().then(stale).then(() => self.clients.claim()));
});

// The network first, so that a new version shows at once; what is kept only when there is none.
self.addEventListener("fetch", (event) => {
  const path = new URL(event.request.url).pathname;
  if (event.request.method !== "GET" || !FILES.includes(path)) return;
  event.respondWith((async () => {
    const cache = await caches.open(CACHE);
    try {
      const fresh = await fetch(event.request);
      if (fresh.ok) await cache.put(path, fresh.clone());
      return fresh;
    } catch (error) {
      const kept = await cache.match(path);
      if (kept) return kept;
      throw error;
    }
  })());
});
