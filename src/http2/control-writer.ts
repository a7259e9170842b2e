import {
  MAX_31_BIT,
  putGoAway,
  putPing,
  putReset,
  putSettingsAck,
  putWindowUpdate,
  SMALL_FRAME_ROOM,
} from './frames.ts';
import type { Wire } from './wire.ts';

/** Answers that wait because the peer does not read. */
const MAX_QUEUED = 1_000;

/**
 * The frames that carry no request and no answer. A peer makes us write most of them, so while it does not read they
 * are counted, and `isFlooded` says that it is owed more than anybody should be (CVE-2019-9512, -9515).
 */
export class ControlWriter {
  private queued = 0;

  constructor(private readonly wire: Wire) {}

  get isFlooded(): boolean {
    return this.queued > MAX_QUEUED;
  }

  /** Something else was put on a wire that is full. */
  onQueued(): void {
    this.queued++;
  }

  /** The peer has read on. */
  onWritable(): void {
    this.queued = 0;
  }

  reset(streamId: number, code: number): void {
    this.open(SMALL_FRAME_ROOM);
    putReset(this.wire, streamId, code);
  }

  windowUpdate(streamId: number, increment: number): void {
    this.open(SMALL_FRAME_ROOM);
    putWindowUpdate(this.wire, streamId, Math.min(increment, MAX_31_BIT));
  }

  settingsAck(): void {
    this.open(SMALL_FRAME_ROOM);
    putSettingsAck(this.wire);
  }

  /** `payload` has 8 bytes from `at` on. */
  ping(flags: number, payload: Buffer, at: number): void {
    this.open(SMALL_FRAME_ROOM);
    putPing(this.wire, flags, payload, at);
  }

  goAway(lastStreamId: number, code: number, reason: string): void {
    this.open(SMALL_FRAME_ROOM + reason.length);
    putGoAway(this.wire, lastStreamId, code, reason);
  }

  private open(room: number): void {
    this.wire.open(room);
    if (this.wire.isFull) this.queued++;
  }
}
