import type { Fields } from './fields.ts';

/**
 * The mark of a retry: which attempt of its caller a request is. It travels in three ways, because nobody passes on all
 * of them: `x-remora-attempt` (sidecars), `grpc-previous-rpc-attempts` (gRPC), and the member `remora=a:<n>` of
 * `tracestate` (applications, which pass on W3C Trace Context). Whatever a retry causes further down bears its mark,
 * and is not tried again there: else three attempts at each of four hops are 81 at the last.
 *
 * A false mark costs its author retries and gives nothing, so marks are believed from everybody.
 */
const ATTEMPT = 'x-remora-attempt';
const MAX_MARK = 99;

/** W3C Trace Context, 3.3.1.1: a list has at most so many members. */
const MAX_MEMBERS = 32;
const MEMBER = /^[ \t]*remora=(?:[^,;]*;)*?a:(\d{1,2})[ \t]*(?:;|$)/;

/** What the field of sidecars says; 1 for a first attempt. */
export function attemptOf(request: Fields): number {
  const text = request.get(ATTEMPT);
  // Nearly all say so, or nothing.
  return text === null || text === '1' ? 1 : numberOf(text);
}

/**
 * The largest of the three marks; 1 for what is no retry of anybody. `isTraced`: its `tracestate` belongs to a trace.
 */
export function markOf(request: Fields, isGrpc: boolean, isTraced: boolean): number {
  const previous = isGrpc ? request.get('grpc-previous-rpc-attempts') : null;
  const state = isTraced ? request.get('tracestate') : null;
  return Math.max(
    attemptOf(request),
    previous === null || !/^\d{1,9}$/.test(previous) ? 1 : Math.min(Number(previous) + 1, MAX_MARK),
    state === null ? 1 : markIn(state),
  );
}

/**
 * A `tracestate` that bears the mark: ours leftmost, as who changed it last stands, and of the others as many as may
 * be.
 */
export function markState(state: string | null, mark: number): string {
  if (state === null) return `remora=a:${mark}`;
  const others = state
    .split(',')
    .map((member) => member.trim())
    .filter((member) => member !== '' && !member.startsWith('remora='));
  return [`remora=a:${Math.max(mark, markIn(state))}`, ...others.slice(0, MAX_MEMBERS - 1)].join(',');
}

function markIn(state: string): number {
  let mark = 1;
  for (const member of state.split(',')) {
    const text = MEMBER.exec(member)?.[1];
    if (text !== undefined) mark = Math.max(mark, Number(text));
  }
  return mark;
}

function numberOf(text: string): number {
  return /^\d{1,2}$/.test(text) ? Math.max(1, Number(text)) : 1;
}
