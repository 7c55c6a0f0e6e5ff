// For: keeping a page's own files, so that it opens where there is no network.
// May not know: what the page shows. Browsers offer it on https and localhost only.

/** `page` is the page's own address. */
export function keepFiles(page: '/' | '/m'): void {
  if (!import.meta.env.PROD || !('serviceWorker' in navigator)) return;
  navigator.serviceWorker.register('/page-worker.js', { scope: page }).catch(() => {
    // Without it the page works as long as it stays open.
  });
}
