import type { RequestHead } from '../http/head.ts';
import { EVERY_WORD, parseWords, type RetryWords } from '../policy/retry-words.ts';

const RETRIES = ['x-remora-max-retries', 'x-envoy-max-retries'] as const;
const CONDITIONS = ['x-envoy-retry-on', 'x-envoy-retry-grpc-on'] as const;

/**
 * What a request itself says of its retries, by Envoy's names and by ours. It can ask for fewer and for narrower
 * reasons, and never for more than the plan has: applications come and go with their fields, and the plan is what an
 * operator answers for. Read only when an attempt has failed.
 */
export class ClientWish {
  /** Attempts in all, the first included. */
  maxAttempts = 0;
  /** The conditions that it agrees to: those of the plan must hold besides. */
  words: RetryWords = EVERY_WORD;

  /** `isBelieved`: it comes from the application beside us. */
  read(head: RequestHead, isBelieved: boolean, maxAttempts: number): void {
    this.maxAttempts = maxAttempts;
    this.words = EVERY_WORD;
    if (!isBelieved) return;
    for (const name of RETRIES) {
      const text = head.get(name);
      if (text !== null && /^\d{1,9}$/.test(text)) this.maxAttempts = Math.min(this.maxAttempts, Number(text) + 1);
    }
    const said = CONDITIONS.map((name) => head.get(name)).filter((text) => text !== null);
    if (said.length > 0) this.words = said.reduce((words, text) => words | parseWords(text), 0);
  }
}
