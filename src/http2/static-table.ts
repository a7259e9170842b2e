import { kindOf } from './field-kinds.ts';
import { TableEntry } from './table-entry.ts';

/** RFC 7541, appendix A: `name value, other value` where a name has several, each with an index of its own. */
const ROWS: readonly (readonly [name: string, ...values: readonly string[]])[] = [
  [':authority', ''],
  [':method', 'GET', 'POST'],
  [':path', '/', '/index.html'],
  [':scheme', 'http', 'https'],
  [':status', '200', '204', '206', '304', '400', '404', '500'],
  ['accept-charset', ''],
  ['accept-encoding', 'gzip, deflate'],
  ...valueless('accept-language accept-ranges accept access-control-allow-origin age allow authorization'),
  ...valueless('cache-control content-disposition content-encoding content-language content-length content-location'),
  ...valueless('content-range content-type cookie date etag expect expires from host if-match if-modified-since'),
  ...valueless('if-none-match if-range if-unmodified-since last-modified link location max-forwards'),
  ...valueless('proxy-authenticate proxy-authorization range referer refresh retry-after server set-cookie'),
  ...valueless('strict-transport-security transfer-encoding user-agent vary via www-authenticate'),
];

/** The entries by index; there is none at 0. */
export const STATIC_TABLE: readonly (TableEntry | undefined)[] = [
  undefined,
  ...ROWS.flatMap(([name, ...values]) => values.map((value) => new TableEntry(name, value, kindOf(name), true))),
];

/** The index of the first entry of the dynamic table, which goes on where the static one ends. */
export const FIRST_DYNAMIC = STATIC_TABLE.length;

/** By name, the index of its first entry. */
export const STATIC_INDEX: ReadonlyMap<string, number> = new Map(
  STATIC_TABLE.map((entry, index) => [entry?.name ?? '', index] as const)
    .slice(1)
    .reverse(),
);

function valueless(names: string): (readonly [string, string])[] {
  return names.split(' ').map((name) => [name, ''] as const);
}
