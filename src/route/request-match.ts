import type { Peer } from '../http/conduit.ts';
import type { RequestHead } from '../http/head.ts';
import type { FaultMatch, MatchOptions } from '../policy/fault.ts';
import { PathPattern } from './path-pattern.ts';

/**
 * Requests by path, fields and caller: all that is said must hold. An opaque connection has a caller and nothing else,
 * so what asks for more does not match it.
 */
export class RequestMatch implements FaultMatch {
  private readonly path: PathPattern | null;
  private readonly headers: MatchOptions['headers'];
  private readonly callers: readonly string[];

  constructor({ path, headers, callers }: MatchOptions) {
    this.path = path === null ? null : new PathPattern(path);
    this.headers = headers;
    this.callers = callers;
  }

  matches(head: RequestHead | null, peer: Peer): boolean {
    const { path, headers, callers } = this;
    if (callers.length > 0 && !callers.includes(peer.address) && !callers.includes(peer.identity ?? '')) return false;
    if (head === null) return path === null && headers.length === 0;
    if (path !== null && !path.matches(head.path)) return false;
    for (let i = 0; i < headers.length; i++) {
      const { name, value } = headers[i]!;
      const found = head.get(name);
      if (found === null || (value !== null && found !== value)) return false;
    }
    return true;
  }
}
