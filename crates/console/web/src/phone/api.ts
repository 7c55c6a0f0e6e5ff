// For: letting this phone in by the token of a QR code.
// May not know: everything else that is asked over HTTP; that is `core/api`.
import { Failed } from '../core/api';
import type { Problem, Session } from '../wire/wire';

/** Longest wait for an answer. Milliseconds. */
const PATIENCE_MS = 15_000;

/** Takes the one-time token out of an address's fragment, `#t=…`. */
export function tokenOf(hash: string): string | null {
  return new URLSearchParams(hash.replace(/^#/, '')).get('t') || null;
}

/** Signs in. Throws `Failed`; status 0 means that no answer came and the token may still be good. */
export async function signInByToken(token: string): Promise<Session> {
  const control = new AbortController();
  const timer = setTimeout(() => control.abort(), PATIENCE_MS);
  try {
    const response = await fetch('/v1/session/phone', {
      method: 'POST',
      credentials: 'same-origin',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ token }),
      signal: control.signal,
    });
    if (response.ok) return (await response.json()) as Session;
    const { status, statusText } = response;
    throw new Failed({ type: 'about:blank', title: statusText, status });
  } catch (error) {
    if (error instanceof Failed) throw error;
    const none: Problem = { type: 'about:blank', title: 'no answer', status: 0, code: 'no_answer' };
    throw new Failed(none);
  } finally {
    clearTimeout(timer);
  }
}
