// For: the one table of keys: what is pressed, what it means, and the help dialog's lines.
// May not know: what the actions do.

export const ACTIONS = [
  'accept',
  'call_back',
  'start_talk',
  'send',
  'hold',
  'transfer',
  'ambulance',
  'fire',
  'police',
  'note',
  'still_on_it',
  'arrive',
  'delay',
  'came_back',
  'phone_link',
  'seen',
  'decline',
  'resolve',
  'reopen',
  'follow_up',
  'close_review',
  'next',
  'previous',
  'desk',
  'map',
  'closed',
  'replay',
  'find',
  'help',
] as const;
export type ShortcutAction = (typeof ACTIONS)[number];

export interface Shortcut {
  readonly key: string;
  readonly alt?: boolean;
  /** As shown on a key cap. */
  readonly cap: string;
  readonly action: ShortcutAction;
}

export const SHORTCUTS: readonly Shortcut[] = [
  { key: ' ', cap: 'Space', action: 'accept' },
  { key: 'F1', cap: 'F1', action: 'accept' },
  { key: 'c', cap: 'C', action: 'call_back' },
  { key: 't', cap: 'T', action: 'start_talk' },
  { key: 'd', cap: 'D', action: 'send' },
  { key: 'v', cap: 'V', action: 'arrive' },
  { key: 'l', cap: 'L', action: 'delay' },
  { key: 'g', cap: 'G', action: 'came_back' },
  { key: 'q', cap: 'Q', action: 'phone_link' },
  { key: 'k', cap: 'K', action: 'seen' },
  { key: 'e', cap: 'E', action: 'ambulance' },
  { key: 'f', cap: 'F', action: 'fire' },
  { key: 'p', cap: 'P', action: 'police' },
  { key: 'h', cap: 'H', action: 'hold' },
  { key: 'x', cap: 'X', action: 'transfer' },
  { key: 'n', cap: 'N', action: 'note' },
  { key: 'y', cap: 'Y', action: 'still_on_it' },
  { key: 'j', cap: 'J', action: 'decline' },
  { key: 'r', cap: 'R', action: 'resolve' },
  { key: 'o', cap: 'O', action: 'reopen' },
  { key: 'b', cap: 'B', action: 'follow_up' },
  { key: 'w', cap: 'W', action: 'close_review' },
  { key: 'ArrowDown', cap: '↓', action: 'next' },
  { key: 'ArrowUp', cap: '↑', action: 'previous' },
  { key: '1', alt: true, cap: 'Alt+1', action: 'desk' },
  { key: '2', alt: true, cap: 'Alt+2', action: 'map' },
  { key: '3', alt: true, cap: 'Alt+3', action: 'closed' },
  { key: '4', alt: true, cap: 'Alt+4', action: 'replay' },
  { key: '/', cap: '/', action: 'find' },
  { key: '?', cap: '?', action: 'help' },
];

/** The key cap of an action, for buttons. */
export function cap(action: ShortcutAction): string {
  return SHORTCUTS.find((shortcut) => shortcut.action === action)?.cap ?? '';
}

type Key = Pick<KeyboardEvent, 'key' | 'altKey' | 'ctrlKey' | 'metaKey' | 'isComposing' | 'repeat'> & {
  target: EventTarget | null;
};

/** Whether the key belongs to somebody who is writing. */
export function isWriting(target: EventTarget | null): boolean {
  if (typeof HTMLElement === 'undefined' || !(target instanceof HTMLElement)) return false;
  if (target.isContentEditable || target.tagName === 'TEXTAREA' || target.tagName === 'SELECT') return true;
  return (
    target instanceof HTMLInputElement && !['checkbox', 'radio', 'button', 'range'].includes(target.type)
  );
}

/**
 * What a key press means, if anything. Never while an input method composes, with Ctrl or the system key, or while
 * writing (F1 excepted: it types nothing, and an alarm must be taken from anywhere). While something rings, space in a
 * dialog accepts as it does everywhere else: it must not change what was chosen there.
 */
export function actionOf(event: Key, inDialog: boolean, ringing = false): ShortcutAction | null {
  if (event.isComposing || event.ctrlKey || event.metaKey || event.repeat) return null;
  if (event.key === 'F1') return 'accept';
  if (isWriting(event.target)) return null;
  if (inDialog) return ringing && event.key === ' ' && !event.altKey ? 'accept' : null;
  const pressed = event.key.length === 1 ? event.key.toLowerCase() : event.key;
  return SHORTCUTS.find((s) => s.key === pressed && Boolean(s.alt) === event.altKey)?.action ?? null;
}
