// For: what somebody had begun to write when another call came: there again when they come back to it.
// May not know: forms, the server. Nothing is kept over a reload, and nothing for the next person who signs in.

/** Half-filled forms that one tab keeps. Ours: more calls than one person leaves half written; the oldest goes. */
export const DRAFT_LIMIT = 32;

const all = new Map<string, unknown>();

export const drafts = {
  /** What was kept under this name, if anything. */
  find: <T>(name: string): T | undefined => all.get(name) as T | undefined,
  keep(name: string, draft: unknown): void {
    all.delete(name);
    all.set(name, draft);
    for (const oldest of all.keys()) {
      if (all.size <= DRAFT_LIMIT) break;
      all.delete(oldest);
    }
  },
  forget: (name: string): void => void all.delete(name),
  clear: (): void => all.clear(),
};
