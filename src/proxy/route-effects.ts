import type { LocalAnswer } from '../http/answer.ts';
import type { Peer } from '../http/conduit.ts';
import type { Edits } from '../http/edits.ts';
import type { RequestHead, ResponseHead } from '../http/head.ts';

/** What is known of one request where its fields are written. Lent for the call. */
export interface RouteFacts {
  readonly head: RequestHead;
  readonly peer: Peer;
  readonly requestId: string;
}

/** `preflight`: of CORS. */
export const ROUTE_ANSWER_KINDS = ['redirect', 'respond', 'maintenance', 'preflight'] as const;
export type RouteAnswerKind = (typeof ROUTE_ANSWER_KINDS)[number];

/** An answer in place of any endpoint's. */
export interface RouteAnswer extends LocalAnswer {
  readonly kind: RouteAnswerKind;
}

/**
 * What a route does to the requests that it leads, beside choosing their plan. A pure function of the configuration and
 * the request; immutable, and shared by all exchanges of its plan. Nothing here costs a request under another plan more
 * than a call that does nothing.
 */
export interface RouteEffects {
  /** The name of the route, for records; null: the request was led by no route. */
  readonly route: string | null;
  /** Null: it goes on. */
  answer(head: RequestHead, peer: Peer): RouteAnswer | null;
  /** Another target, other fields: called for every attempt, after the sidecar's own fields are written. */
  editRequest(facts: RouteFacts, edits: Edits): void;
  /** False: answers go out as they came, and `editAnswer` is not called. */
  readonly marksAnswers: boolean;
  /** `answer` is null for an answer of the sidecar's own. */
  editAnswer(facts: RouteFacts, answer: ResponseHead | null, edits: Edits): void;
}

export const NO_EFFECTS: RouteEffects = {
  route: null,
  answer: () => null,
  editRequest: () => undefined,
  marksAnswers: false,
  editAnswer: () => undefined,
};
