import type { ExchangeContext } from '../exchange-context.ts';
import type { Plan } from '../plan.ts';
import { type KeptRequest, Shadow, type ShadowOwner } from './shadow.ts';

/**
 * How copies of requests ended. `ok`, `error`: answered, and below 500 or not (of a call: as a failure of the server).
 * `failed`: no whole answer. Never sent were `body`, which was not kept whole, `full`, as there is room for so many,
 * and `no_upstream`.
 */
export const MIRROR_RESULTS = ['ok', 'error', 'failed', 'body', 'full', 'no_upstream'] as const;
export type MirrorResult = (typeof MIRROR_RESULTS)[number];

/** Under way at once, of the whole process: a mirror that is slow must not take what clients need. */
const MAX_RUNNING = 128;
const MAX_BYTES = 16_777_216;

/** UNKNOWN, DEADLINE_EXCEEDED, UNIMPLEMENTED, INTERNAL, UNAVAILABLE, DATA_LOSS: what a server says of itself. */
const GRPC_ERRORS: ReadonlySet<number> = new Set([2, 4, 12, 13, 14, 15]);

/**
 * All requests of the process that are copied to a mirror. They outlive the exchanges that they are copied from, so here
 * is who counts, bounds and ends them. Nobody waits for them, a stop neither.
 */
export class MirrorCrowd implements ShadowOwner {
  readonly counts: Record<MirrorResult, number> = { ok: 0, error: 0, failed: 0, body: 0, full: 0, no_upstream: 0 };
  private readonly running = new Map<Shadow, number>();
  private bytes = 0;

  get size(): number {
    return this.running.size;
  }

  /** Is there room for another of so many bytes? */
  hasRoom(bytes: number): boolean {
    return this.running.size < MAX_RUNNING && this.bytes + bytes <= MAX_BYTES;
  }

  count(result: MirrorResult): void {
    this.counts[result] += 1;
  }

  send(context: ExchangeContext, plan: Plan, request: KeptRequest, bytes: number): void {
    const shadow = new Shadow(context, plan, request, false, this);
    this.running.set(shadow, bytes);
    this.bytes += bytes;
    try {
      shadow.start();
    } catch (error) {
      // Whoever's event this is in has nothing to do with it.
      context.observer.onBug(error);
      shadow.cancel('internal_error');
      this.leave(shadow, 'failed');
    }
  }

  onShadowOver(shadow: Shadow): void {
    this.leave(shadow, resultOf(shadow));
  }

  /** The time is up. */
  expire(): void {
    for (const shadow of [...this.running.keys()]) {
      shadow.cancel('draining');
      this.leave(shadow, 'failed');
    }
  }

  private leave(shadow: Shadow, result: MirrorResult): void {
    const bytes = this.running.get(shadow);
    if (bytes === undefined) return;
    this.running.delete(shadow);
    this.bytes -= bytes;
    this.count(result);
  }
}

function resultOf({ code, status, isGrpc, grpcStatus }: Shadow): MirrorResult {
  if (code !== null) return 'failed';
  return status >= 500 || (isGrpc && GRPC_ERRORS.has(grpcStatus)) ? 'error' : 'ok';
}
