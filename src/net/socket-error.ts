import type { FailureCode } from '../base/failure.ts';

/** The one place where the system's error names become failures. A connection that was open once is reset or lost, whatever the name. */
export function dialFailure(errorName: string): FailureCode {
  if (errorName === 'ECONNREFUSED') return 'connect_refused';
  if (errorName === 'ETIMEDOUT') return 'connect_timeout';
  return 'connect_failed';
}

/** The name in an error of Node's, or its message when it has none. */
export function errorName(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const { code } = error as NodeJS.ErrnoException;
  return typeof code === 'string' ? code : error.message;
}
