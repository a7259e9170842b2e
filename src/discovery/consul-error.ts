const LASTING_STATUS: ReadonlySet<number> = new Set([400, 401, 403, 405, 413]);
const LASTING_TEXT = ['No path to datacenter', 'Failed to create boolean expression evaluator'];

/**
 * A call to Consul that brought no answer that can be used.
 *
 * Most failures pass (an election, a restart) and deserve a quick retry. Some do not: a token without rights, a filter
 * Consul cannot read, a datacenter it has never heard of. Those are `isLasting`, and asking every second would only
 * load the servers with a question whose answer is known.
 */
export class ConsulError extends Error {
  override readonly name = 'ConsulError';

  constructor(
    message: string,
    /** Null when no complete answer came. */
    readonly status: number | null = null,
  ) {
    super(message);
  }

  get isLasting(): boolean {
    if (this.status === null) return false;
    return LASTING_STATUS.has(this.status) || LASTING_TEXT.some((text) => this.message.includes(text));
  }
}

/** What an agent, or its TLS library, says to a client that speaks the wrong one of the two. */
const ANSWERED_IN_CLEAR = /EPROTO|wrong version number|packet length too long/i;
const ANSWERED_IN_TLS = /HTTP request to an HTTPS server|Parse Error: Expected HTTP/i;

/** A thread, a number, a function and a file of OpenSSL stand around the few words that mean something. */
const OPENSSL_WHEREABOUTS = / [0-9A-F]+:error:[0-9A-F]+:[^:]*:[^:]*:([^:]*):.*$/i;

/** The failure with advice when the scheme of the address is what is wrong: no system error says so itself. */
export function withSchemeHint(failure: string, address: string): string {
  if (/^https:/i.test(address) && ANSWERED_IN_CLEAR.test(failure)) {
    return `${failure.replace(OPENSSL_WHEREABOUTS, ' $1')} (consul.address says https, and the agent there seems to speak plain HTTP: try http://)`;
  }
  if (/^http:/i.test(address) && ANSWERED_IN_TLS.test(failure)) {
    return `${failure} (consul.address says http, and the agent there seems to speak TLS: try https://)`;
  }
  return failure;
}

/** For an operator: one line, of bounded length, whatever was thrown. */
export function describeError(error: unknown): string {
  const text = error instanceof Error ? error.message || error.name : String(error);
  return text.replace(/\s+/g, ' ').trim().slice(0, 300);
}
