/** The way to a value: keys of maps and indexes of lists. */
export type Path = readonly (string | number)[];

const PLAIN_KEY = /^[A-Za-z0-9_-]+$/;

/** `static.orders[1].port`; a key with dots in it is quoted: `upstreams["api.example.com"]`. */
export function formatPath(path: Path): string {
  let text = '';
  for (const step of path) {
    if (typeof step === 'number') text += `[${step}]`;
    else if (!PLAIN_KEY.test(step)) text += `[${JSON.stringify(step)}]`;
    else text += text === '' ? step : `.${step}`;
  }
  return text;
}

const STEP = /(?:^|\.)([A-Za-z0-9_-]+)|\["((?:[^"\\]|\\.)*)"\]/y;

/** Reads what `formatPath` writes, keys of maps only; null when it is no path. */
export function parsePath(text: string): string[] | null {
  const path: string[] = [];
  STEP.lastIndex = 0;
  while (STEP.lastIndex < text.length) {
    const match = STEP.exec(text);
    if (match === null) return null;
    path.push(match[1] ?? unquote(match[2] ?? ''));
  }
  return path.length === 0 ? null : path;
}

/** Is one of the two on the way to the other, or the same? */
export function areRelated(a: Path, b: Path): boolean {
  const n = Math.min(a.length, b.length);
  for (let i = 0; i < n; i++) if (a[i] !== b[i]) return false;
  return true;
}

/** Does the second lie at or below the first? */
export function holds(holder: Path, path: Path): boolean {
  return holder.length <= path.length && areRelated(holder, path);
}

/** The value at a path within plain maps and lists; `undefined` when there is none. */
export function valueAt(root: unknown, path: Path): unknown {
  let value = root;
  for (const step of path) {
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, step)) return undefined;
    value = (value as Record<string | number, unknown>)[step];
  }
  return value;
}

function unquote(inner: string): string {
  return inner.replace(/\\(.)/g, '$1');
}
