/** What stands where a secret was. */
export const HIDDEN = '***';

const SCHEME = /^[A-Za-z][A-Za-z0-9+.-]*:\/\//;
/** What a person writes who forgets the scheme. */
const USER_AND_PASSWORD = /^[^\s@/]*:[^\s@]*@/;

/**
 * An address as it may be shown: without user and password, and with the names but not the values of its query, since
 * some collectors take their key there. Any other text comes back as it is. Where `@` and `?` leave doubt about what is
 * which, nothing but the scheme is shown.
 */
export function withoutCredentials(text: string): string {
  const scheme = SCHEME.exec(text)?.[0] ?? '';
  if (scheme === '' && !USER_AND_PASSWORD.test(text)) return text;
  const rest = text.slice(scheme.length);
  const queryAt = rest.search(/[?#]/);
  const front = queryAt < 0 ? rest : rest.slice(0, queryAt);
  const query = queryAt < 0 ? '' : rest.slice(queryAt);
  if (query.includes('@')) return `${scheme}${HIDDEN}`;
  const atAt = front.lastIndexOf('@');
  const place = atAt < 0 ? front : `${HIDDEN}@${front.slice(atAt + 1)}`;
  return scheme + place + query.replace(/([?#&;])([^=&;]*)(=?)[^&;]*/g, hideValue);
}

/** A part without a name is all value. */
function hideValue(_part: string, mark: string, name: string, equals: string): string {
  if (equals === '') return name === '' ? mark : `${mark}${HIDDEN}`;
  return `${mark}${name}=${HIDDEN}`;
}
