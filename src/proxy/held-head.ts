import { type Clock, Timer, type TimerOwner } from '../base/clock.ts';
import type { FailureCode } from '../base/failure.ts';
import type { FieldVisitor } from '../http/fields.ts';
import type { BodyKind, ResponseHead } from '../http/head.ts';

/**
 * How long the head of an answer waits for what follows. A server that fails a call writes head and trailers in one go,
 * and 50 ms are more than the way between them takes; the caller of a stream, whose first message may come in an hour,
 * has its head 50 ms late, once.
 */
const HOLD_MS = 50;

export interface HeldHeadOwner {
  /** Nothing has followed it: the client has it now. */
  onHeldEnough(now: number): void;
  onBug(error: unknown): void;
}

/**
 * The head of a gRPC answer, kept back until the first byte of a message, the trailers, or `HOLD_MS`: the status of a
 * call comes in its trailers, and one that failed without a message can be tried again only while its caller has heard
 * nothing. Made once per exchange and filled again; what its connection lent is copied into lists that are kept.
 */
export class HeldHead implements ResponseHead, TimerOwner {
  isHeld = false;
  status = 0;
  body: BodyKind = 'none';
  contentLength = -1;
  private readonly names: string[] = [];
  private readonly values: string[] = [];
  private size = 0;
  private readonly timer = new Timer(this);
  private readonly add: FieldVisitor = (name, value) => {
    this.names[this.size] = name;
    this.values[this.size++] = value;
  };

  constructor(
    private readonly clock: Clock,
    private readonly owner: HeldHeadOwner,
  ) {}

  hold(head: ResponseHead, now: number): void {
    this.isHeld = true;
    this.status = head.status;
    this.body = head.body;
    this.contentLength = head.contentLength;
    this.size = 0;
    head.forEach(this.add);
    this.clock.arm(this.timer, now + HOLD_MS);
  }

  /** It goes to the client, or to nobody. What is in it can be read until the next is held. */
  release(): this {
    if (this.isHeld) this.clock.disarm(this.timer);
    this.isHeld = false;
    return this;
  }

  /** To its client, an answer that breaks off while its head is held has not begun. */
  lossOf(code: FailureCode): FailureCode {
    return this.isHeld && code === 'response_truncated' ? 'upstream_reset' : code;
  }

  onTimer(_timer: Timer, now: number): void {
    // No connection is above a timer to catch what is thrown here.
    try {
      this.owner.onHeldEnough(now);
    } catch (error) {
      this.owner.onBug(error);
    }
  }

  get(name: string): string | null {
    let found: string | null = null;
    for (let i = 0; i < this.size; i++) {
      if (this.names[i] !== name) continue;
      if (name === 'set-cookie') return this.values[i]!;
      found = found === null ? this.values[i]! : `${found}, ${this.values[i]}`;
    }
    return found;
  }

  count(name: string): number {
    let lines = 0;
    for (let i = 0; i < this.size; i++) if (this.names[i] === name) lines++;
    return lines;
  }

  forEach(visit: FieldVisitor): void {
    for (let i = 0; i < this.size; i++) visit(this.names[i]!, this.values[i]!);
  }
}
