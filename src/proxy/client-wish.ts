import type { RequestHead } from '../http/head.ts';
import { EVERY_WORD, parseWords, type RetryWords } from '../policy/retry-words.ts';

/**
 * What a request itself says of its retries, by Envoy's names and by ours. It can ask for fewer and for narrower
 * reasons, and never for more than the plan has: applications come and go with their fields, and the plan is what an
 * operator answers for. Read when an attempt has failed, and where hedges are made.
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
    this.lower(head.get('x-remora-max-retries'));
    this.lower(head.get('x-envoy-max-retries'));
    const on = head.get('x-envoy-retry-on');
    const grpcOn = head.get('x-envoy-retry-grpc-on');
    if (on !== null || grpcOn !== null) this.words = wordsOf(on) | wordsOf(grpcOn);
  }

  private lower(text: string | null): void {
    if (text !== null && /^\d{1,9}$/.test(text)) this.maxAttempts = Math.min(this.maxAttempts, Number(text) + 1);
  }
}

function wordsOf(text: string | null): RetryWords {
  return text === null ? 0 : parseWords(text);
}
