import type { FailureCode } from '../base/failure.ts';
import type { Endpoint } from '../cluster/endpoint.ts';
import type { PickContext, Picker } from '../cluster/picker.ts';
import type { Peer } from '../http/conduit.ts';
import type { Edits } from '../http/edits.ts';
import type { RequestHead, ResponseHead } from '../http/head.ts';
import type { Hold } from './hold.ts';

/** What one request wants of its cluster. One object per exchange, reset for each request. */
export class Placed implements PickContext {
  now = 0;
  hasHash = false;
  hashHigh = 0;
  hashLow = 0;
  lens: Picker | null = null;
  minPosition = 0;
  refusal: FailureCode = 'no_endpoint';
  /** Something was to be hashed and the request has none of it: the balancer's own choice. */
  lacksKey = false;
  /** Where it waits when nobody there can take it and nobody has looked at it; null: it does not. */
  hold: Hold | null = null;
  /** The answer has to carry something to the client: `mark` is asked. */
  isMarked = false;
  /** Its client is to read what it wrote: the answer has to tell it how. */
  isWrite = false;
  /** Whose answer it is that is marked; null before. */
  answeredBy: Endpoint | null = null;
  /** A cookie for the client to keep, whole as it goes out; null for none. */
  setCookie: string | null = null;
  /** The name of the shard that has its key; null where there are none, or none was looked for. */
  shard: string | null = null;
  /** Until when a refusal of the lens is worth waiting for; 0 for one that is not held. */
  heldUntil = 0;
  /** The placement inside a part of the cluster that has placed it, and marks its answer; null for none. */
  within: Placement | null = null;

  constructor(readonly avoid: readonly Endpoint[]) {}

  reset(): void {
    this.hasHash = false;
    this.lens = null;
    this.minPosition = 0;
    this.lacksKey = false;
    this.hold = null;
    this.isMarked = false;
    this.isWrite = false;
    this.answeredBy = null;
    this.setCookie = null;
    this.shard = null;
    this.heldUntil = 0;
    this.within = null;
  }
}

/**
 * Where in a cluster requests of a plan go: which part of it (lens), by which key (hash). A pure function of the
 * configuration, the shard map and the request (and of chance, where a cookie is made). Asked once per request,
 * whatever number of attempts follow, so that a retry stays with the key; what lies behind a lens may have changed by
 * then.
 */
export interface Placement {
  /**
   * Fills `placed`, which has been reset and knows the time. `head` is null of an opaque connection. Null, or why the
   * request has no place.
   */
  place(head: RequestHead | null, peer: Peer, placed: Placed): FailureCode | null;
  /**
   * Adds to an answer of an endpoint what its client needs for its next requests. Only asked where `placed.isMarked`.
   */
  mark(placed: Placed, answer: ResponseHead, edits: Edits): void;
}
