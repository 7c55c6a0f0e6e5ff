// For: starting the desk console.
// May not know: what it shows.
import { mount } from 'svelte';
import App from '../App.svelte';
import { keepFiles } from '../core/files';
import '../styles/base.css';
import '../styles/controls.css';
import '../styles/desk.css';
import '../styles/card.css';
import '../styles/views.css';
import '../styles/hand.css';

const place = document.getElementById('app');
if (place) {
  // The text for browsers that cannot start the page has done its work.
  place.textContent = '';
  mount(App, { target: place });
  document.documentElement.dataset['started'] = 'yes';
  keepFiles('/');
}
