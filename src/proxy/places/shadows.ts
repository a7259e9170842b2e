import type { FailureCode } from '../../base/failure.ts';
import { type Hash64, hashText } from '../../cluster/hash.ts';
import type { ExchangeContext } from '../exchange-context.ts';
import type { Move } from '../plan.ts';
import { Lane, type LaneOwner, type SecondWrite } from './lane.ts';
import type { LossReason } from './ledger.ts';
import { ReadPair, type ReadPairOwner } from './read-pair.ts';
import type { KeptRequest, Shadow } from './shadow.ts';

/**
 * Writes of one key go one after the other; keys share this many lanes per upstream, so that others are not kept
 * waiting.
 */
const LANES = 64;
/** In one lane, the one that runs included. A place that is this far behind is not going to catch up. */
const MAX_LANE = 64;
/** Of the whole process, running and waiting. */
const MAX_WRITES = 1_024;
const MAX_WRITE_BYTES = 16_777_216;
/** A comparison is worth less than the room it takes from requests of clients. */
const MAX_READS = 128;

const METHODS: ReadonlySet<string> = new Set(['GET', 'HEAD', 'OPTIONS', 'POST', 'PUT', 'PATCH', 'DELETE']);

const scratch: Hash64 = { hashHigh: 0, hashLow: 0 };

/**
 * All requests of the process that are sent once more, to another place than the one that answers. They outlive the
 * exchanges and connections they come from, so here is who counts, bounds and ends them.
 *
 * Second writes keep the order in which the main place took them, per lane; what there is no room for is lost, and said
 * to be (`Ledger`). Lanes are known by their upstream's name, so that order survives a change of the configuration; one
 * is there only as long as something is in it.
 */
export class Shadows implements LaneOwner, ReadPairOwner {
  private readonly lanes = new Map<string, Lane>();
  private readonly reads = new Set<ReadPair>();
  private writes = 0;
  private writeBytes = 0;

  constructor(private readonly context: ExchangeContext) {}

  /** Those that run, and writes that wait their turn. */
  get size(): number {
    return this.reads.size + this.writes;
  }

  /** Begins a second read; null where there is no room for it. */
  read(move: Move, request: KeptRequest): ReadPair | null {
    if (this.reads.size >= MAX_READS) return null;
    const pair = new ReadPair(this.context, move, request, this);
    this.reads.add(pair);
    try {
      pair.begin();
    } catch (error) {
      // Whoever's event this is in has nothing to do with it.
      this.context.observer.onBug(error);
      pair.cancel();
    }
    return pair;
  }

  /** Sends a write that the main place has taken to the other one, when its turn comes. */
  write(move: Move, request: KeptRequest): void {
    const write = { move, request, bytes: request.head.bytes + request.body.size };
    const key = `${move.main.labels.upstream} ${move.keyHash % LANES}`;
    const lane = this.lanes.get(key) ?? new Lane(key, this.context, this);
    const isFull =
      lane.size >= MAX_LANE || this.writes >= MAX_WRITES || this.writeBytes + write.bytes > MAX_WRITE_BYTES;
    if (isFull) return this.lose(move, request, 'lane_full', 0);
    this.lanes.set(key, lane);
    this.writes += 1;
    this.writeBytes += write.bytes;
    lane.add(write);
  }

  /** A write that the second place lacks, or may lack. */
  lose({ watch, keyHash }: Move, { head }: KeptRequest, why: LossReason, status: number): void {
    hashText(head.path, scratch);
    watch.onLost({
      at: this.context.clock.wallMs(),
      method: METHODS.has(head.method) ? head.method : 'other',
      pathHash: hex(scratch.hashHigh) + hex(scratch.hashLow),
      keyHash: hex(keyHash),
      why,
      status,
    });
  }

  /** The time is up: ends all, and answers how many writes are lost by that. */
  expire(): number {
    const lost = this.writes;
    for (const pair of [...this.reads]) pair.cancel();
    for (const lane of [...this.lanes.values()]) lane.expire();
    return lost;
  }

  // --- From what runs ---

  onSecondOver(pair: ReadPair): void {
    this.reads.delete(pair);
  }

  onWriteOver({ move, request, bytes }: SecondWrite, shadow: Shadow | null, code: FailureCode | null): void {
    this.writes -= 1;
    this.writeBytes -= bytes;
    if (shadow?.isSuccess === true) move.watch.onWritten();
    else if (shadow === null) this.lose(move, request, code ?? 'internal_error', 0);
    else this.lose(move, request, shadow.code ?? 'refused', shadow.code === null ? shadow.status : 0);
  }

  onLaneEmpty({ key }: Lane): void {
    this.lanes.delete(key);
  }
}

function hex(word: number): string {
  return word.toString(16).padStart(8, '0');
}
