// For: starting the carer's phone page.
// May not know: what it shows.
import { mount } from 'svelte';
import { keepFiles } from '../core/files';
import Phone from './Phone.svelte';
import './phone.css';
import './call.css';

const place = document.getElementById('app');
if (place) {
  // The text for browsers that cannot start the page has done its work.
  place.textContent = '';
  mount(Phone, { target: place });
  document.documentElement.dataset['started'] = 'yes';
  keepFiles('/m');
}
