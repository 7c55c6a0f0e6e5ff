// For: which card on the screen answers the keys just now.
// May not know: what the keys mean; that is the shortcut table.
import { isWriting, type ShortcutAction } from '../core/shortcuts';

export interface Handler {
  /** True when the action applies to the card as it is. */
  act: (action: ShortcutAction) => boolean;
  digit: (n: number) => boolean;
}

let handler: Handler | null = null;

export const keys = {
  /** The card that is shown takes the keys until it is gone. */
  take(own: Handler): () => void {
    handler = own;
    return () => {
      if (handler === own) handler = null;
    };
  },
  act: (action: ShortcutAction): boolean => handler?.act(action) ?? false,
  digit: (n: number, target: EventTarget | null): boolean =>
    !isWriting(target) && (handler?.digit(n) ?? false),
};
