// For: the language in use and the words in it.
// May not know: who asks. Changing the language redraws whatever has read words.
import { codesEn } from './codes.en';
import { codesZh, type Codes } from './codes.zh';
import { en } from './en';
import { zh, type Phrase } from './zh';

export type Language = 'zh' | 'en';
export type Group = keyof Codes;

const KEY = 'anling.language';

function remembered(): Language {
  try {
    return localStorage.getItem(KEY) === 'en' ? 'en' : 'zh';
  } catch {
    return 'zh';
  }
}

const state = $state<{ language: Language }>({ language: remembered() });

export function language(): Language {
  return state.language;
}

export function setLanguage(to: Language): void {
  state.language = to;
  try {
    localStorage.setItem(KEY, to);
  } catch {
    // The choice holds for this visit.
  }
}

type Fill = Record<string, string | number>;

/** `{n}` is filled in; `{n?call waits:calls wait}` is the first for one and the second for any other number. */
function filled(text: string, fill: Fill): string {
  const chosen = text.replace(/\{(\w+)\?([^:}]*):([^}]*)\}/g, (_, name: string, one: string, many: string) =>
    Number(fill[name]) === 1 ? one : many,
  );
  return chosen.replace(/\{(\w+)\}/g, (whole, name: string) => String(fill[name] ?? whole));
}

/** A phrase in the language in use. */
export function t(phrase: Phrase, fill: Fill = {}): string {
  return filled((state.language === 'en' ? en : zh)[phrase], fill);
}

/** The name of a code; an unknown code is shown as it came. */
export function code(group: Group, value: string | number | null | undefined, fill: Fill = {}): string {
  if (value === null || value === undefined) return '';
  const names: Record<string, string> = (state.language === 'en' ? codesEn : codesZh)[group];
  return filled(names[String(value)] ?? String(value), fill);
}

/** All codes of a group, in the order shown. */
export function codesOf(group: Group): string[] {
  return Object.keys(codesZh[group]);
}

/** Groups whose codes may stand among the arguments of a history line. */
const IN_STORIES: readonly Group[] = [
  'result',
  'cause',
  'deadline',
  'party',
  'service',
  'kind',
  'hold',
  'transfer',
  'decline',
  'reopen',
  'outcome',
  'reason',
  'action',
  'responder',
  'problem',
  'review',
];

/** One argument of a history line: a code gets its name, anything else stays. */
export function argument(value: string): string {
  for (const group of IN_STORIES) if (value in codesZh[group]) return code(group, value);
  return value;
}

/** Of two names, the one in the language in use; the other when it is empty. */
export function named(chinese: string, english: string | null | undefined): string {
  return state.language === 'en' ? english || chinese : chinese || (english ?? '');
}

/** Lists of which the second is the English of the first, word by word. */
export function listed(chinese: readonly string[], english: readonly string[] | undefined): string {
  return chinese.map((word, n) => named(word, english?.[n])).join(state.language === 'en' ? ', ' : '、');
}

/** The language to mark a text with, when it is not the page's own: what people wrote in Chinese is read out as Chinese. */
export function tongue(text: string): 'zh-CN' | undefined {
  return state.language === 'en' && /\p{Script=Han}/u.test(text) ? 'zh-CN' : undefined;
}

/** A colleague with their post, unless they are called by it already, as 王护理员 is. */
export function withPost(who: { name: string; name_en: string; post: string; post_en: string }): string {
  const called = named(who.name, who.name_en);
  const post = named(who.post, who.post_en);
  return post && !called.includes(post) ? called + aside(post) : called;
}

/** Something added in brackets. */
export function aside(text: string): string {
  return state.language === 'en' ? ` (${text})` : `（${text}）`;
}

/** Chinese words whatever the page's language is: for what is read aloud to somebody who hears Chinese. */
export const inChinese = {
  t: (phrase: Phrase, fill: Fill = {}): string => filled(zh[phrase], fill),
  code: (group: Group, value: string): string => {
    const names: Record<string, string> = codesZh[group];
    return names[value] ?? value;
  },
};

/** The alarm in one spoken line, always Chinese: `道里 尚志 跌倒 紧急呼叫`. */
export function spoken(place: string, kind: string): string {
  const names: Record<string, string> = codesZh.kind;
  const what = names[kind] ?? kind;
  return [place, what, what === codesZh.kind.sos ? '' : codesZh.kind.sos].filter(Boolean).join(' ');
}
