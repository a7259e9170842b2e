import { invariant } from '../../base/invariant.ts';
import type { RouteFacts } from '../../proxy/route-effects.ts';
import { isFieldName } from './settable.ts';

/**
 * Values of fields with variables: `%client_address%`, `%header(x-user)%`, and `%%` for a percent sign. A text is taken
 * apart once, when a route is built; what the configuration itself knows is put in then. What is put in per request has
 * come in a head that was read with care, or was made here, so that no value can end its line (see `Edits`); what the
 * configuration says is held to visible ASCII and blanks.
 */
export const VARIABLES = [
  'route',
  'upstream',
  'client_address',
  'request_id',
  'method',
  'scheme',
  'host',
  'path',
] as const;

type Variable = (typeof VARIABLES)[number] | 'header';

/** A value is at most so many heads long. */
const MAX_VARIABLES = 16;

/** What is known when a route is built. */
export interface Known {
  readonly route: string;
  /** Empty where a route leads nowhere. */
  readonly upstream: string;
}

interface Piece {
  readonly variable: Variable;
  /** The name of a field, for `header`. */
  readonly name: string;
  /** What stands before it. */
  readonly before: string;
}

/** A text that was taken apart. A value that comes out empty is for the caller to leave out. */
export class FieldText {
  private readonly pieces: readonly Piece[];
  private readonly after: string;

  constructor(text: string, known: Known) {
    const pieces: Piece[] = [];
    let before = '';
    for (const part of partsOf(text)) {
      invariant(part.kind !== 'flaw', 'texts are judged before they are used');
      if (part.kind === 'text') before += printable(part.text);
      else if (part.variable === 'route') before += printable(known.route);
      else if (part.variable === 'upstream') before += printable(known.upstream);
      else {
        pieces.push({ variable: part.variable, name: part.name, before });
        before = '';
      }
    }
    this.pieces = pieces;
    this.after = before;
  }

  of(facts: RouteFacts): string {
    const { pieces, after } = this;
    if (pieces.length === 0) return after;
    let value = '';
    for (let at = 0; at < pieces.length; at++) {
      const piece = pieces[at]!;
      if (piece.before !== '') value += piece.before;
      value += textOf(piece, facts);
    }
    if (after !== '') value += after;
    return isTrimmed(value) ? value : value.trim();
  }
}

/** Why a text cannot be the value of a field, or null. */
export function variableFlaw(text: string): string | null {
  let count = 0;
  for (const part of partsOf(text)) {
    if (part.kind === 'flaw') return part.text;
    if (part.kind === 'variable') count += 1;
  }
  if (count > MAX_VARIABLES) return `it has ${count} variables, and at most ${MAX_VARIABLES} are allowed`;
  if (!isTrimmed(text)) return 'it begins or ends with a blank';
  return isPrintable(text) ? null : 'it has characters other than visible ASCII and blanks';
}

function textOf({ variable, name }: Piece, { head, peer, requestId }: RouteFacts): string {
  switch (variable) {
    case 'header':
      return head.get(name) ?? '';
    case 'client_address':
      return peer.address;
    case 'request_id':
      return requestId;
    case 'method':
      return head.method;
    case 'scheme':
      return head.scheme;
    case 'host':
      return head.authority;
    case 'path':
      return bareOf(head.path);
    default:
      return '';
  }
}

/** The path without its query. */
export function bareOf(path: string): string {
  const at = path.indexOf('?');
  return at < 0 ? path : path.slice(0, at);
}

type Part =
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'flaw'; readonly text: string }
  | { readonly kind: 'variable'; readonly variable: Variable; readonly name: string };

const HEADER = 'header(';

function* partsOf(text: string): Generator<Part, void, undefined> {
  let at = 0;
  while (true) {
    const begin = text.indexOf('%', at);
    if (begin < 0) return yield { kind: 'text', text: text.slice(at) };
    if (begin > at) yield { kind: 'text', text: text.slice(at, begin) };
    const end = text.indexOf('%', begin + 1);
    if (end < 0)
      return yield { kind: 'flaw', text: 'a `%` begins a variable that does not end; `%%` is a percent sign' };
    yield partOf(text.slice(begin + 1, end));
    at = end + 1;
  }
}

function partOf(word: string): Part {
  if (word === '') return { kind: 'text', text: '%' };
  const variable = VARIABLES.find((name) => name === word);
  if (variable !== undefined) return { kind: 'variable', variable, name: '' };
  if (word.startsWith(HEADER) && word.endsWith(')')) {
    const name = word.slice(HEADER.length, -1).toLowerCase();
    if (isFieldName(name)) return { kind: 'variable', variable: 'header', name };
    return { kind: 'flaw', text: `\`${name}\` is not the name of a field` };
  }
  const known = [...VARIABLES, 'header(NAME)'].map((name) => `%${name}%`).join(', ');
  return { kind: 'flaw', text: `there is no variable \`%${word}%\`; there are ${known}, and %% for a percent sign` };
}

const BLANK = 0x20;
const TAB = 0x09;
const LAST_VISIBLE = 0x7e;

function isBlank(code: number): boolean {
  return code === BLANK || code === TAB;
}

function isTrimmed(text: string): boolean {
  if (text === '') return true;
  return !isBlank(text.charCodeAt(0)) && !isBlank(text.charCodeAt(text.length - 1));
}

function isPrintableAt(text: string, at: number): boolean {
  const code = text.charCodeAt(at);
  return code === TAB || (code >= BLANK && code <= LAST_VISIBLE);
}

function isPrintable(text: string): boolean {
  for (let at = 0; at < text.length; at++) if (!isPrintableAt(text, at)) return false;
  return true;
}

/** Names of routes and upstreams are free texts. */
function printable(text: string): string {
  let shown = '';
  for (let at = 0; at < text.length; at++) shown += isPrintableAt(text, at) ? text[at]! : '?';
  return shown;
}
