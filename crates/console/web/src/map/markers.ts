// For: what moves on the map: incidents by shape and figure, responders between start and goal by the clock.
// May not know: OpenLayers; it is given a function from degrees to pixels.
import { named } from '../i18n/words.svelte';
import type { Card } from '../wire/wire';
import type { Palette } from './styles';

export interface Marker {
  readonly incident: string;
  /** Longitude, latitude, degrees. */
  readonly place: [number, number];
  readonly priority: number;
  readonly kind: 'incident' | 'responder';
  readonly selected: boolean;
  readonly ringing: boolean;
  /** Where a responder goes. */
  readonly goal?: [number, number];
  readonly label: string;
}

/** Share of the way done by the clock, 0 to 1. A demo's people drive `speed` times as fast as was reckoned. */
export function share(sentAt: number, eta: number, arrivedAt: number | null, now: number, speed = 1): number {
  if (arrivedAt !== null && now >= arrivedAt) return 1;
  if (eta <= sentAt) return 1;
  // Until they report it, nobody is shown as there.
  return Math.min(0.97, Math.max(0, ((now - sentAt) * speed) / (eta - sentAt)));
}

/** Markers of these cards; responders first, so that incidents lie on top, the most pressing uppermost. */
export function markersOf(
  cards: readonly Card[],
  selected: string | null,
  now: number,
  speed: number,
): Marker[] {
  const incidents: Marker[] = [];
  const responders: Marker[] = [];
  for (const card of cards) {
    if (card.lon === null || card.lat === null || card.phase === 'resolved') continue;
    const goal: [number, number] = [card.lon, card.lat];
    const common = {
      incident: card.id,
      priority: card.priority,
      selected: card.id === selected,
      ringing: card.rings_me,
    };
    incidents.push({ ...common, place: goal, kind: 'incident', label: '' });
    for (const leg of card.responders) {
      if (leg.from_lon === null || leg.from_lat === null) continue;
      const done = leg.set_out_at === null ? 0 : share(leg.set_out_at, leg.eta, leg.arrived_at, now, speed);
      if (done >= 1) continue;
      const place: [number, number] = [
        leg.from_lon + (goal[0] - leg.from_lon) * done,
        leg.from_lat + (goal[1] - leg.from_lat) * done,
      ];
      responders.push({ ...common, place, goal, kind: 'responder', label: named(leg.name, leg.name_en) });
    }
  }
  incidents.sort((a, b) => Number(a.selected) - Number(b.selected) || b.priority - a.priority);
  return [...responders, ...incidents];
}

function shape(pen: CanvasRenderingContext2D, priority: number, x: number, y: number, r: number): void {
  pen.beginPath();
  if (priority === 2) {
    pen.moveTo(x, y - r * 1.2);
    pen.lineTo(x + r * 1.2, y);
    pen.lineTo(x, y + r * 1.2);
    pen.lineTo(x - r * 1.2, y);
  } else if (priority === 3) pen.rect(x - r * 0.95, y - r * 0.95, r * 1.9, r * 1.9);
  else if (priority === 4) pen.arc(x, y, r, 0, Math.PI * 2);
  else
    for (let n = 0; n < 8; n += 1) {
      const turn = Math.PI / 8 + (n * Math.PI) / 4;
      pen.lineTo(x + Math.cos(turn) * r * 1.1, y + Math.sin(turn) * r * 1.1);
    }
  pen.closePath();
}

/** Draws the markers on their own canvas, sharp on any screen. */
export function drawMarkers(
  canvas: HTMLCanvasElement,
  size: number[],
  markers: readonly Marker[],
  look: Palette,
  pixel: (place: [number, number]) => number[] | null,
): void {
  const [width = 0, height = 0] = size;
  const ratio = globalThis.devicePixelRatio || 1;
  if (canvas.width !== Math.round(width * ratio)) canvas.width = Math.round(width * ratio);
  if (canvas.height !== Math.round(height * ratio)) canvas.height = Math.round(height * ratio);
  const pen = canvas.getContext('2d');
  if (!pen) return;
  pen.setTransform(ratio, 0, 0, ratio, 0, 0);
  pen.clearRect(0, 0, width, height);
  for (const marker of markers) {
    const there = pixel(marker.place);
    if (!there) continue;
    const [x = 0, y = 0] = there;
    if (marker.kind === 'responder') drawResponder(pen, x, y, look, marker.goal ? pixel(marker.goal) : null);
    else drawIncident(pen, marker, x, y, look);
  }
  // Names last: nobody's lies under an incident.
  for (const marker of markers) {
    const there = marker.kind === 'responder' ? pixel(marker.place) : null;
    if (there) drawName(pen, marker.label, nameAt(there, marker.goal ? pixel(marker.goal) : null), look);
  }
}

function drawIncident(
  pen: CanvasRenderingContext2D,
  marker: Marker,
  x: number,
  y: number,
  look: Palette,
): void {
  const colour = look.priority[marker.priority] ?? look.text;
  if (marker.selected || marker.ringing) {
    shape(pen, marker.priority, x, y, 20);
    pen.lineWidth = 3;
    pen.strokeStyle = marker.selected ? look.text : colour;
    pen.stroke();
  }
  shape(pen, marker.priority, x, y, 13);
  pen.fillStyle = colour;
  pen.fill();
  pen.lineWidth = 2;
  pen.strokeStyle = look.rim;
  pen.stroke();
  pen.fillStyle = look.on;
  pen.font = `700 14px ${look.font}`;
  pen.textAlign = 'center';
  pen.textBaseline = 'middle';
  pen.fillText(String(marker.priority), x, y + 1);
}

function drawResponder(
  pen: CanvasRenderingContext2D,
  x: number,
  y: number,
  look: Palette,
  goal: number[] | null,
): void {
  if (goal) {
    pen.beginPath();
    pen.setLineDash([5, 5]);
    pen.moveTo(x, y);
    pen.lineTo(goal[0] ?? x, goal[1] ?? y);
    pen.lineWidth = 2;
    pen.strokeStyle = look.responder;
    pen.stroke();
    pen.setLineDash([]);
  }
  pen.beginPath();
  pen.moveTo(x, y - 9);
  pen.lineTo(x + 8, y + 7);
  pen.lineTo(x - 8, y + 7);
  pen.closePath();
  pen.fillStyle = look.responder;
  pen.fill();
  pen.lineWidth = 2;
  pen.strokeStyle = look.rim;
  pen.stroke();
}

/** Where a name stands and which of its ends is there. */
export interface NameAt {
  readonly x: number;
  readonly y: number;
  readonly align: 'left' | 'right' | 'center';
}

/** Pixels from an incident's middle that its mark and the ring around it take. */
const MARK_REACH = 26;
/** Pixels a short name is wide. */
const NAME_REACH = 64;

/** Beside who goes there, on the side away from the incident; under the incident where both are in one place. */
export function nameAt(there: number[], goal: number[] | null): NameAt {
  const [x = 0, y = 0] = there;
  if (!goal) return { x: x + 12, y, align: 'left' };
  const [dx, dy] = [(goal[0] ?? 0) - x, (goal[1] ?? 0) - y];
  if (Math.abs(dx) < MARK_REACH + 12 && Math.abs(dy) < MARK_REACH)
    return { x: goal[0] ?? 0, y: (goal[1] ?? 0) + MARK_REACH + 10, align: 'center' };
  const inTheWay = dx > 0 && dx < MARK_REACH + NAME_REACH && Math.abs(dy) < MARK_REACH;
  return inTheWay ? { x: x - 12, y, align: 'right' } : { x: x + 12, y, align: 'left' };
}

function drawName(pen: CanvasRenderingContext2D, name: string, at: NameAt, look: Palette): void {
  pen.font = `600 13px ${look.font}`;
  pen.textAlign = at.align;
  pen.textBaseline = 'middle';
  pen.lineWidth = 4;
  pen.strokeStyle = look.rim;
  pen.strokeText(name, at.x, at.y);
  pen.fillStyle = look.text;
  pen.fillText(name, at.x, at.y);
}
