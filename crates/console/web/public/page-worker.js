// For: opening the desk (scope `/`) or the carer's phone page (scope `/m`) again where there is no network: keeps that page's
// HTML, scripts and styles, nothing else.
// May not know: calls, residents, sessions. Nothing under /v1 ever passes through here.
const PAGE = new URL(self.registration.scope).pathname;
const KEPT = PAGE === '/' ? 'anling-desk' : `anling${PAGE.replace(/\//g, '-')}`;
/** A network that answers slower than this is as good as none: the kept page opens. Milliseconds. */
const PATIENCE_MS = 4000;

/** Keeps a page and the files it names, and lets go of those of older pages. */
async function keep(response) {
  const html = await response.clone().text();
  const named = new Set(['/bell.svg', '/too-old.js']);
  for (const match of html.matchAll(/"(\/assets\/[^"]+)"/g)) named.add(match[1]);
  const cache = await caches.open(KEPT);
  for (const path of named) if (!(await cache.match(path))) await cache.add(path);
  await cache.put(PAGE, response);
  for (const request of await cache.keys()) {
    const { pathname } = new URL(request.url);
    if (pathname !== PAGE && !named.has(pathname)) await cache.delete(request);
  }
}

function inTime(promise) {
  return Promise.race([
    promise,
    new Promise((_, late) => setTimeout(() => late(new Error('too slow')), PATIENCE_MS)),
  ]);
}

async function page(event) {
  try {
    const response = await inTime(fetch(PAGE, { credentials: 'same-origin' }));
    // A proxy's or a server's error is no page; one that is kept is better.
    if (!response.ok) throw new Error(String(response.status));
    event.waitUntil(keep(response.clone()).catch(() => {}));
    return response;
  } catch {
    const kept = await caches.match(PAGE, { cacheName: KEPT });
    return kept ?? Response.error();
  }
}

self.addEventListener('install', (event) => {
  self.skipWaiting();
  event.waitUntil(fetch(PAGE).then((response) => (response.ok ? keep(response) : undefined)));
});

self.addEventListener('activate', (event) => event.waitUntil(self.clients.claim()));

self.addEventListener('fetch', (event) => {
  const url = new URL(event.request.url);
  if (event.request.method !== 'GET' || url.origin !== self.location.origin) return;
  if (event.request.mode === 'navigate' && url.pathname === PAGE) event.respondWith(page(event));
  else if (/^\/(assets\/|bell\.svg$|too-old\.js$)/.test(url.pathname))
    event.respondWith(
      caches.match(event.request, { cacheName: KEPT }).then((kept) => kept ?? fetch(event.request)),
    );
});
