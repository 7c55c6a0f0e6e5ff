// For: starting the carer's phone page.
// May not know: what it shows.
import { mount } from 'svelte';
import Phone from './Phone.svelte';
import './phone.css';
import './call.css';

/** Keeps the page's own files, so that it opens where there is no network. Browsers offer it on https and localhost only. */
function keepFiles(): void {
  if (!import.meta.env.PROD || !('serviceWorker' in navigator)) return;
  navigator.serviceWorker.register('/m-worker.js', { scope: '/m' }).catch(() => {
    // Without it the page works as long as it stays open.
  });
}

const place = document.getElementById('app');
if (place) {
  // The text for browsers that cannot start the page has done its work.
  place.textContent = '';
  mount(Phone, { target: place });
  document.documentElement.dataset['started'] = 'yes';
  keepFiles();
}
