import { isMap } from '../layers.ts';
import type { Path } from '../paths.ts';

/** One value that another document has otherwise. `undefined`: nothing is said; `null`: what lies below is taken away. */
export interface FieldChange {
  readonly path: Path;
  readonly from: unknown;
  readonly to: unknown;
}

/** What a change does to one thing that operators have a name for. */
export interface SubjectChange {
  /** `route cart`, `upstream orders`, `every upstream`. */
  readonly subject: string;
  readonly kind: 'added' | 'removed' | 'changed';
  /** Where it stands in the document. */
  readonly holder: Path;
  /** Paths begin within the subject. */
  readonly fields: readonly FieldChange[];
}

/**
 * What two documents say differently, by what they say it of. Maps are compared key by key and everything else as a
 * whole, which is how layers are merged.
 */
export function differenceOf(before: unknown, after: unknown, root: DocumentRoot): readonly SubjectChange[] {
  const found = new Map<string, { depth: number; comes: boolean; holder: Path; fields: FieldChange[] }>();
  for (const change of changesBetween(before ?? {}, after ?? {}, [])) {
    const { name, depth, comes } = subjectOf(change.path, root);
    const subject = found.get(name) ?? { depth, comes, holder: change.path.slice(0, depth), fields: [] };
    subject.fields.push(change);
    found.set(name, subject);
  }
  return [...found].map(([subject, { depth, comes, holder, fields }]) => ({
    subject,
    holder,
    kind: !comes ? 'changed' : kindOf(said(before, holder), said(after, holder)),
    fields: fields.map(({ path, from, to }) => ({ path: path.slice(depth), from, to })),
  }));
}

/** The document of a service has the shape of one upstream; all others have that of the file. */
export type DocumentRoot =
  | { readonly kind: 'document' }
  | { readonly kind: 'upstream'; readonly service: string }
  /** Not one document but all of them together: an upstream that is not in it is none. */
  | { readonly kind: 'effective' };

interface Subject {
  readonly name: string;
  /** How much of the path is its name. */
  readonly depth: number;
  /** It comes and goes with what is said of it. */
  readonly comes: boolean;
}

function subjectOf(path: Path, root: DocumentRoot): Subject {
  if (root.kind === 'upstream') {
    return withinUpstream(path, '', { name: `how ${root.service} is called`, depth: 0, comes: false });
  }
  const [section, name] = path;
  if (section === 'routes' && name !== undefined) return { name: `route ${String(name)}`, depth: 2, comes: true };
  if (section === 'defaults') return { name: 'every upstream', depth: 1, comes: false };
  if (section !== 'upstreams' || name === undefined) return { name: 'settings', depth: 0, comes: false };
  const itself = { name: `upstream ${String(name)}`, depth: 2, comes: root.kind === 'effective' };
  return withinUpstream(path, ` of upstream ${String(name)}`, itself);
}

function withinUpstream(path: Path, of: string, itself: Subject): Subject {
  const { depth } = itself;
  const name = path[depth + 1];
  return path[depth] === 'routes' && name !== undefined
    ? { name: `route ${String(name)}${of}`, depth: depth + 2, comes: true }
    : itself;
}

function changesBetween(from: unknown, to: unknown, path: Path): FieldChange[] {
  if (isMap(from) && isMap(to)) return changesWithin(from, to, path);
  if (from === undefined && isMap(to) && Object.keys(to).length > 0) return changesWithin({}, to, path);
  if (to === undefined && isMap(from) && Object.keys(from).length > 0) return changesWithin(from, {}, path);
  return isSame(from, to) ? [] : [{ path, from, to }];
}

function changesWithin(from: Plain, to: Plain, path: Path): FieldChange[] {
  const keys = [...new Set([...Object.keys(from), ...Object.keys(to)])];
  return keys.flatMap((key) => changesBetween(own(from, key), own(to, key), [...path, key]));
}

type Plain = Readonly<Record<string, unknown>>;

function own(map: Plain, key: string): unknown {
  return Object.hasOwn(map, key) ? map[key] : undefined;
}

/** As JSON says it, keys in any order. */
function isSame(a: unknown, b: unknown): boolean {
  if (a === b) return true;
  if (Array.isArray(a) && Array.isArray(b)) return a.length === b.length && a.every((item, i) => isSame(item, b[i]));
  if (!isMap(a) || !isMap(b)) return false;
  const keys = Object.keys(a);
  return keys.length === Object.keys(b).length && keys.every((key) => Object.hasOwn(b, key) && isSame(a[key], b[key]));
}

function said(root: unknown, path: Path): unknown {
  return path.reduce<unknown>((value, step) => (isMap(value) ? own(value, String(step)) : undefined), root);
}

function kindOf(before: unknown, after: unknown): SubjectChange['kind'] {
  if (before === undefined || before === null) return 'added';
  return after === undefined ? 'removed' : 'changed';
}

export const SIGNS = { added: '+', removed: '-', changed: '~' } as const;
