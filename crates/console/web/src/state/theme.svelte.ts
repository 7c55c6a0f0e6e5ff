// For: dark or light.
// May not know: colours; those are in the style sheets.

type Theme = 'dark' | 'light';
const KEY = 'anling.theme';

function remembered(): Theme {
  try {
    return localStorage.getItem(KEY) === 'light' ? 'light' : 'dark';
  } catch {
    return 'dark';
  }
}

const state = $state<{ theme: Theme }>({ theme: remembered() });
document.documentElement.dataset['theme'] = state.theme;

export function theme(): Theme {
  return state.theme;
}

export function setTheme(to: Theme): void {
  state.theme = to;
  document.documentElement.dataset['theme'] = to;
  try {
    localStorage.setItem(KEY, to);
  } catch {
    // The choice holds for this visit.
  }
}
