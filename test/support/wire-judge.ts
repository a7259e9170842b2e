/**
 * A message as it lay on the wire, read by rules that share nothing with `src/http1`: whoever checks a parser with that
 * parser learns nothing.
 */
export interface WireMessage {
  /** The first line. */
  readonly start: string;
  /** Head and all, as it came. */
  readonly head: string;
  /** Names in lower case. */
  readonly fields: readonly (readonly [name: string, value: string])[];
  readonly body: string;
  readonly trailers: readonly (readonly [name: string, value: string])[];
  readonly isComplete: boolean;
}

export interface Judgement {
  readonly messages: readonly WireMessage[];
  /** What no recipient should ever have to see. */
  readonly faults: readonly string[];
  /** Bytes of a head that has not come to its end. */
  readonly rest: string;
}

export interface AnswersAsked {
  /** The methods of the requests, in order; GET for those beyond. */
  readonly methods?: readonly string[];
  /** The sender has closed, in order, so that a body without a length is complete. */
  readonly isEnded?: boolean;
}

/** What came to an endpoint on one connection. */
export function judgeRequests(text: string): Judgement {
  return judge(text, {
    line: /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+ [\x21-\x22\x24-\x7e]+ HTTP\/1\.[01]$/,
    faultsOf: (start, fields) => {
      const hosts = valuesOf(fields, 'host').length;
      return start.endsWith('1.1') && hosts !== 1 ? [`${hosts} Host fields`] : [];
    },
    bodyOf: (_start, fields) => framingOf(fields) ?? { kind: 'none' },
    isRaw: () => false,
  });
}

/** What came to a client on one connection. */
export function judgeAnswers(text: string, { methods = [], isEnded = false }: AnswersAsked = {}): Judgement {
  let answered = 0;
  return judge(text, {
    line: /^HTTP\/1\.[01] [1-9]\d\d [\t\x20-\x7e\x80-\xff]*$/,
    faultsOf: (start, fields) => {
      const status = statusOf(start);
      const isFramed = fields.some(([name]) => name === 'transfer-encoding' || name === 'content-length');
      return (status < 200 || status === 204) && isFramed ? [`a ${status} that is framed`] : [];
    },
    bodyOf: (start, fields) => {
      const status = statusOf(start);
      if (status === 101) return { kind: 'until_end', isEnded };
      if (status < 200) return { kind: 'none' };
      const method = methods[answered++] ?? 'GET';
      if (method === 'HEAD' || status === 204 || status === 304) return { kind: 'none' };
      return framingOf(fields) ?? { kind: 'until_end', isEnded };
    },
    isRaw: (start) => statusOf(start) === 101,
  });
}

export function statusOf(start: string): number {
  return Number(start.split(' ')[1]);
}

type Fields = WireMessage['fields'];

type Body =
  | { readonly kind: 'none' | 'chunked' }
  | { readonly kind: 'length'; readonly length: number }
  | { readonly kind: 'until_end'; readonly isEnded: boolean };

interface Rules {
  readonly line: RegExp;
  faultsOf(start: string, fields: Fields): readonly string[];
  bodyOf(start: string, fields: Fields): Body;
  isRaw(start: string): boolean;
}

function judge(text: string, rules: Rules): Judgement {
  const messages: WireMessage[] = [];
  const faults: string[] = [];
  let at = 0;
  while (at < text.length) {
    const end = text.indexOf('\r\n\r\n', at);
    if (end < 0) break;
    const head = text.slice(at, end);
    const [start = '', ...lines] = head.split('\r\n');
    faults.push(...headFaults(head, start, lines, rules.line));
    const fields = lines.map(fieldOf);
    faults.push(...framingFaults(fields), ...rules.faultsOf(start, fields));
    const { body, trailers, isComplete, next, fault } = readBody(text, end + 4, rules.bodyOf(start, fields));
    if (fault !== null) faults.push(fault);
    messages.push({ start, head, fields, body, trailers, isComplete });
    at = next;
    if (!isComplete || fault !== null || rules.isRaw(start)) return { messages, faults, rest: '' };
  }
  const rest = text.slice(at);
  if (/(^|[^\r])\n|\r(?!\n|$)|\0/.test(rest))
    faults.push(`in an unfinished head: ${JSON.stringify(rest.slice(0, 200))}`);
  return { messages, faults, rest };
}

function headFaults(head: string, start: string, lines: readonly string[], line: RegExp): string[] {
  const faults: string[] = [];
  if (!line.test(start)) faults.push(`first line ${JSON.stringify(start)}`);
  if (/(^|[^\r])\n|\r(?!\n)|\0/.test(head)) faults.push(`a bare CR, bare LF or NUL in ${JSON.stringify(head)}`);
  for (const field of lines) {
    if (!/^[!#$%&'*+\-.^_`|~0-9A-Za-z]+:/.test(field)) faults.push(`field line ${JSON.stringify(field)}`);
  }
  return faults;
}

function framingFaults(fields: Fields): string[] {
  const lengths = valuesOf(fields, 'content-length');
  const codings = valuesOf(fields, 'transfer-encoding');
  const faults: string[] = [];
  if (lengths.length > 0 && codings.length > 0) faults.push('both framing fields');
  if (lengths.length > 1) faults.push(`${lengths.length} lengths`);
  if (lengths.some((value) => !/^\d+$/.test(value))) faults.push(`length ${lengths}`);
  if (codings.length > 1 || codings.some((value) => value !== 'chunked')) faults.push(`codings ${codings}`);
  return faults;
}

function framingOf(fields: Fields): Body | null {
  if (valuesOf(fields, 'transfer-encoding').length > 0) return { kind: 'chunked' };
  const [length] = valuesOf(fields, 'content-length');
  return length === undefined ? null : { kind: 'length', length: Number(length) };
}

interface ReadBody {
  readonly body: string;
  readonly trailers: Fields;
  readonly isComplete: boolean;
  readonly next: number;
  readonly fault: string | null;
}

function readBody(text: string, at: number, body: Body): ReadBody {
  if (body.kind === 'chunked') return readChunks(text, at);
  const length = body.kind === 'none' ? 0 : body.kind === 'length' ? body.length : text.length - at;
  const next = Math.min(text.length, at + length);
  const isComplete = body.kind === 'until_end' ? body.isEnded : next - at === length;
  return { body: text.slice(at, next), trailers: [], isComplete, next, fault: null };
}

function readChunks(text: string, at: number): ReadBody {
  let body = '';
  const over = (isComplete: boolean, next: number, fault: string | null, trailers: Fields = []): ReadBody => ({
    body,
    trailers,
    isComplete,
    next,
    fault,
  });
  for (;;) {
    const lineEnd = text.indexOf('\n', at);
    if (lineEnd < 0) return over(false, text.length, null);
    const size = /^([0-9a-fA-F]{1,16})\r$/.exec(text.slice(at, lineEnd));
    if (size === null) return over(false, text.length, `chunk line ${JSON.stringify(text.slice(at, lineEnd + 1))}`);
    const length = Number.parseInt(size[1]!, 16);
    at = lineEnd + 1;
    if (length === 0) break;
    body += text.slice(at, at + length);
    at += length;
    const mark = text.slice(at, at + 2);
    if (!'\r\n'.startsWith(mark)) return over(false, text.length, `${JSON.stringify(mark)} behind a chunk`);
    if (mark.length < 2) return over(false, text.length, null);
    at += 2;
  }
  const section = /^((?:[^\r\n]+\r\n)*)\r\n/.exec(text.slice(at));
  if (section === null) {
    const isSound = /^(?:[^\r\n]+\r\n)*[^\r\n]*\r?$/.test(text.slice(at));
    return over(false, text.length, isSound ? null : `trailers ${JSON.stringify(text.slice(at))}`);
  }
  const lines = section[1]!.split('\r\n').slice(0, -1);
  return over(true, at + section[0].length, null, lines.map(fieldOf));
}

function fieldOf(line: string): readonly [string, string] {
  const colon = line.indexOf(':');
  return [line.slice(0, colon).toLowerCase(), line.slice(colon + 1).replace(/^[ \t]+|[ \t]+$/g, '')];
}

function valuesOf(fields: Fields, name: string): string[] {
  return fields.filter(([key]) => key === name).map(([, value]) => value);
}
