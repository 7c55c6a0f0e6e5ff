// For: times and lengths of time as people read them.
// May not know: which page shows them. Times are milliseconds since 1970; the time zone is the server's, not the browser's.

const two = (n: number) => String(n).padStart(2, '0');

/** `0:07`, `12:40`, `1:02:03`; negative lengths get a minus. */
export function clockLength(milliseconds: number): string {
  const total = Math.floor(Math.abs(milliseconds) / 1000);
  const [h, m, s] = [Math.floor(total / 3600), Math.floor(total / 60) % 60, total % 60];
  const sign = milliseconds <= -1000 ? '−' : '';
  return h > 0 ? `${sign}${h}:${two(m)}:${two(s)}` : `${sign}${m}:${two(s)}`;
}

const formats = new Map<string, Intl.DateTimeFormat>();

function formatter(zone: string, options: Intl.DateTimeFormatOptions): Intl.DateTimeFormat {
  const key = `${zone} ${JSON.stringify(options)}`;
  let format = formats.get(key);
  if (!format) {
    // `sv` writes 2026-11-23 21:05:09, which is read alike in both languages.
    format = new Intl.DateTimeFormat('sv-SE', { ...options, timeZone: zone, hour12: false });
    formats.set(key, format);
  }
  return format;
}

/** `21:05:09` */
export function timeOfDay(at: number, zone: string): string {
  return formatter(zone, { hour: '2-digit', minute: '2-digit', second: '2-digit' }).format(at);
}

/** `11-23 21:05` */
export function shortDate(at: number, zone: string): string {
  const options = { month: '2-digit', day: '2-digit', hour: '2-digit', minute: '2-digit' } as const;
  const parts = Object.fromEntries(
    formatter(zone, options)
      .formatToParts(at)
      .map(({ type, value }) => [type, value]),
  );
  return `${parts['month']}-${parts['day']} ${parts['hour']}:${parts['minute']}`;
}

/** `2026-11-23 21:05:09` */
export function fullTime(at: number, zone: string): string {
  return formatter(zone, { dateStyle: 'short', timeStyle: 'medium' }).format(at);
}

/** The same moment in UTC, for the tooltip. */
export function utc(at: number): string {
  return `${new Date(at).toISOString().slice(0, 19).replace('T', ' ')} UTC`;
}

/** Telephone numbers in groups that can be read aloud. */
export function phoneGroups(phone: string): string {
  const digits = phone.replace(/[\s-]/g, '');
  if (/^1\d{10}$/.test(digits)) return `${digits.slice(0, 3)} ${digits.slice(3, 7)} ${digits.slice(7)}`;
  if (/^0\d{10,11}$/.test(digits)) return `${digits.slice(0, 4)} ${digits.slice(4, 8)} ${digits.slice(8)}`;
  return phone;
}
