// For: whether this computer dials by itself (a softphone answers `tel:`) or the operator dials on the desk telephone.
// May not know: whom. Off unless chosen: without a softphone the browser asks a question that stops every key.

const KEY = 'anling.dials';

function remembered(): boolean {
  try {
    return localStorage.getItem(KEY) === 'yes';
  } catch {
    return false;
  }
}

const state = $state({ on: remembered() });

export function dials(): boolean {
  return state.on;
}

export function setDials(on: boolean): void {
  state.on = on;
  try {
    localStorage.setItem(KEY, on ? 'yes' : 'no');
  } catch {
    // The choice holds for this visit.
  }
}
