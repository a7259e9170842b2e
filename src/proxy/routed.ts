import type { FailureCode } from '../base/failure.ts';

/**
 * What a router says of one request beside its plan. One object per exchange; a router fills it and does not clear it:
 * the exchange does, when the request is over.
 */
export class Routed {
  /** Why there is no plan. */
  refusal: FailureCode = 'no_route';
  /** A cookie that keeps its client with the part of a split that it was given, whole as it goes out; null for none. */
  setCookie: string | null = null;
  /** The upstream that it would go to without a signed override; null: there is none. */
  overrideOf: string | null = null;

  reset(): void {
    this.refusal = 'no_route';
    this.setCookie = null;
    this.overrideOf = null;
  }
}
