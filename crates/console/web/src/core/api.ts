// For: questions over HTTP. Every failure becomes a `Problem` that can be shown.
// May not know: the screen, the live line.
import type {
  About,
  Card,
  ClaimedRecord,
  CommandIn,
  CommandOut,
  IncidentPage,
  IncidentStory,
  MapView,
  PhoneLink,
  Problem,
  ResidentsFound,
  ResidentView,
  Session,
  SiteView,
  Targets,
} from '../wire/wire';

/** Longest wait for an answer; after that the operator is told. Milliseconds. */
const PATIENCE_MS = 15_000;

/** A refused or failed question. `problem.status` 0: no answer came at all. */
export class Failed extends Error {
  constructor(readonly problem: Problem) {
    super(problem.title);
  }
}

function noAnswer(): Failed {
  return new Failed({ type: 'about:blank', title: 'no answer', status: 0, code: 'no_answer' });
}

async function ask<T>(method: string, path: string, body?: unknown): Promise<T> {
  const control = new AbortController();
  const timer = setTimeout(() => control.abort(), PATIENCE_MS);
  let response: Response;
  try {
    response = await fetch(path, {
      method,
      credentials: 'same-origin',
      headers: body === undefined ? {} : { 'content-type': 'application/json' },
      body: body === undefined ? null : JSON.stringify(body),
      signal: control.signal,
    });
  } catch {
    throw noAnswer();
  } finally {
    clearTimeout(timer);
  }
  const text = await response.text().catch(() => '');
  if (response.ok) return (text ? JSON.parse(text) : undefined) as T;
  let problem: Problem | null = null;
  try {
    problem = JSON.parse(text) as Problem;
  } catch {
    // Not ours: a proxy's page, perhaps. The status says enough.
  }
  throw new Failed(
    problem && typeof problem.title === 'string'
      ? { ...problem, status: response.status }
      : { type: 'about:blank', title: response.statusText, status: response.status },
  );
}

export const api = {
  about: () => ask<About>('GET', '/v1/about'),
  session: () => ask<Session>('GET', '/v1/session'),
  signIn: (name: string, password: string) => ask<Session>('POST', '/v1/session', { name, password }),
  signOut: () => ask<void>('DELETE', '/v1/session'),
  sites: () => ask<SiteView[]>('GET', '/v1/sites'),
  map: () => ask<MapView>('GET', '/v1/map'),
  closed: (after: string | null) =>
    ask<IncidentPage>(
      'GET',
      `/v1/incidents?state=closed&limit=50${after ? `&after=${encodeURIComponent(after)}` : ''}`,
    ),
  incident: (id: string) => ask<Card>('GET', `/v1/incidents/${encodeURIComponent(id)}`),
  resident: (id: string) => ask<ResidentView>('GET', `/v1/residents/${encodeURIComponent(id)}`),
  byPhone: (phone: string) => ask<ResidentsFound>('POST', '/v1/residents/by-phone', { phone }),
  story: (id: string) => ask<IncidentStory>('GET', `/v1/incidents/${encodeURIComponent(id)}/events`),
  command: (id: string, command: CommandIn) =>
    ask<CommandOut>('POST', `/v1/incidents/${encodeURIComponent(id)}/commands`, command),
  targets: (id: string) => ask<Targets>('GET', `/v1/incidents/${encodeURIComponent(id)}/targets`),
  claim: (id: string, reason: string) =>
    ask<ClaimedRecord>('POST', `/v1/incidents/${encodeURIComponent(id)}/claim`, { reason }),
  phoneLink: (responder: string) => ask<PhoneLink>('POST', '/v1/phone-links', { responder }),
};
