/**
 * Which origins of requests are meant: exact ones, `*` for all of them, or with one `*` in place of a label of the host
 * or of the port (`https://*.shop.example`, `http://localhost:*`). Browsers write origins in one way only (RFC 6454,
 * 6.2), so they are compared as they came; a `*` stands for letters, digits and dashes, and never for a dot, a colon or
 * a slash, so that `https://*.shop.example` is not also `https://evil.example/.shop.example`.
 */
export class OriginRules {
  readonly isAny: boolean;
  private readonly exact: ReadonlySet<string>;
  private readonly patterns: readonly { readonly before: string; readonly after: string }[];

  constructor(origins: readonly string[]) {
    this.isAny = origins.includes('*');
    this.exact = new Set(origins.filter((origin) => !origin.includes('*')).map((origin) => origin.toLowerCase()));
    this.patterns = origins
      .filter((origin) => origin !== '*' && origin.includes('*'))
      .map((origin) => {
        const [before, after] = origin.toLowerCase().split('*') as [string, string];
        return { before, after };
      });
  }

  has(origin: string): boolean {
    if (this.isAny || this.exact.has(origin)) return true;
    const { patterns } = this;
    for (let at = 0; at < patterns.length; at++) {
      const { before, after } = patterns[at]!;
      if (origin.startsWith(before) && origin.endsWith(after) && isLabel(origin, before.length, after.length))
        return true;
    }
    return false;
  }
}

/** Is what lies between so many characters at both ends one label? */
function isLabel(origin: string, before: number, after: number): boolean {
  const end = origin.length - after;
  if (end <= before) return false;
  for (let at = before; at < end; at++) {
    const code = origin.charCodeAt(at);
    const isDigit = code >= 0x30 && code <= 0x39;
    const isLetter = code >= 0x61 && code <= 0x7a;
    if (!isDigit && !isLetter && code !== 0x2d) return false;
  }
  return true;
}

/** Why a text cannot be among the origins that may ask, or null. */
export function originFlaw(text: string): string | null {
  if (text === '*') return null;
  if (text.split('*').length > 2) return 'it has more than one `*`';
  const [scheme, rest] = text.split('://') as [string, string | undefined];
  if (rest === undefined || rest === '' || scheme === '' || scheme.includes('*')) {
    return 'an origin is a scheme and a host, `https://shop.example`, and its port where it is not the usual one';
  }
  if (['/', '?', '#', '@', ' ', '\\', ','].some((character) => rest.includes(character)))
    return 'an origin has no path';
  const labels = rest.split(/[.:]/);
  if (rest.includes('*') && !labels.includes('*')) return 'a `*` stands for a whole label of the host, or for the port';
  if (rest.includes('*') && labels.length < 2) return 'a `*` for the whole host would be every origin; write `*` alone';
  return null;
}
