import type { Edits } from './edits.ts';
import type { ResponseHead } from './head.ts';

/**
 * Puts a made cookie on an answer. One that sets a cookie of this name itself goes as it is: the client will keep the
 * application's, and two would leave it to the client which.
 */
export function sendCookie(setCookie: string, answer: ResponseHead | null, edits: Edits): void {
  const start = setCookie.slice(0, setCookie.indexOf('=') + 1);
  let isTaken = false;
  if (answer !== null && answer.count('set-cookie') > 0) {
    answer.forEach((name, value) => {
      isTaken ||= name === 'set-cookie' && value.startsWith(start);
    });
  }
  if (!isTaken) edits.append('set-cookie', setCookie);
}
