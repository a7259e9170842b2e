import type { FailureCode } from '../base/failure.ts';

/** What the system says when it is short of something that every connection needs, wherever it goes. */
const EXHAUSTED: ReadonlySet<string> = new Set(['EMFILE', 'ENFILE', 'ENOBUFS', 'ENOMEM']);

/**
 * The one place where the system's error names become failures. A connection that was open once is reset or lost,
 * whatever the name.
 *
 * `EADDRNOTAVAIL` means that no port of ours is left; towards an IPv6 address it may as well mean that this machine has
 * none itself, and then other endpoints can be reached.
 */
export function dialFailure(errorName: string, host: string): FailureCode {
  if (errorName === 'ECONNREFUSED') return 'connect_refused';
  if (errorName === 'ETIMEDOUT') return 'connect_timeout';
  const isLocal = EXHAUSTED.has(errorName) || (errorName === 'EADDRNOTAVAIL' && !host.includes(':'));
  return isLocal ? 'local_exhausted' : 'connect_failed';
}

/** The name in an error of Node's, or its message when it has none. */
export function errorName(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const { code } = error as NodeJS.ErrnoException;
  return typeof code === 'string' ? code : error.message;
}
