import type { Clock } from '../base/clock.ts';
import { sleep } from '../base/sleep.ts';
import { Counter } from './instruments.ts';
import { type Sample, sample } from './registry.ts';

/** As much of a Node stream as is needed: `process.stdout`, a file, a socket. */
export interface LineStream {
  write(text: string, done: (error?: Error | null) => void): boolean;
  on(event: 'error', listener: (error: Error) => void): unknown;
}

const MAX_PENDING_BYTES = 262_144;

/**
 * Lines on their way to a stream whose reader may be slow, stuck or gone.
 *
 *     write --> pending (bounded) --one block at a time--> stream
 *
 * A line never waits for the reader and never makes anybody wait: when the buffer is full it is dropped and counted.
 * Lines of one turn of the event loop leave in one block, and the next block waits until the one before it has been
 * taken, so at most two buffers' worth of text is held. A block that could not be written (reader gone, disk full) is
 * lost and counted, and the next one is tried all the same.
 */
export class LineSink {
  readonly written = new Counter();
  readonly dropped = new Counter();
  private pending = '';
  private pendingLines = 0;
  private isScheduled = false;
  /** Lines of the block that the stream has and has not confirmed. */
  private inFlight = 0;
  private waiting: (() => void)[] = [];
  private readonly turn = (): void => this.writeBlock();

  constructor(
    private readonly stream: LineStream,
    private readonly clock: Clock,
    private readonly maxPendingBytes = MAX_PENDING_BYTES,
  ) {
    // Each block's callback is told as well; without a listener the error would end the process.
    stream.on('error', () => undefined);
  }

  /** A line without its line feed. */
  write(line: string): void {
    // Characters for bytes: what is not latin1 is rare in logs, and the bound is about the order of magnitude.
    if (this.pending.length + line.length >= this.maxPendingBytes) {
      this.dropped.value += 1;
      return;
    }
    this.pending += `${line}\n`;
    this.pendingLines += 1;
    this.schedule();
  }

  /** Until everything given so far has left, for at most so long. */
  async flush(timeoutMs: number): Promise<void> {
    if (this.isIdle) return;
    // The time may be shorter than a busy turn.
    if (this.inFlight === 0) this.writeBlock();
    const done = new AbortController();
    const idle = new Promise<void>((resolve) => this.waiting.push(resolve));
    await Promise.race([idle, sleep(this.clock, timeoutMs, done.signal)]);
    done.abort();
  }

  private get isIdle(): boolean {
    return this.pendingLines === 0 && this.inFlight === 0;
  }

  private schedule(): void {
    if (this.isScheduled || this.inFlight > 0) return;
    this.isScheduled = true;
    setImmediate(this.turn);
  }

  private writeBlock(): void {
    this.isScheduled = false;
    if (this.pendingLines === 0 || this.inFlight > 0) return;
    const block = this.pending;
    this.inFlight = this.pendingLines;
    this.pending = '';
    this.pendingLines = 0;
    try {
      this.stream.write(block, (error) => this.settle(error ?? null));
    } catch (error) {
      this.settle(error);
    }
  }

  private settle(error: unknown): void {
    // A stream that throws may still call back; the block has been counted then.
    if (this.inFlight === 0) return;
    const fate = error === null ? this.written : this.dropped;
    fate.value += this.inFlight;
    this.inFlight = 0;
    if (this.pendingLines > 0) return this.schedule();
    for (const resolve of this.waiting.splice(0)) resolve();
  }
}

/** The lines of one log. */
export function lineSamples(log: 'access' | 'process', { written, dropped }: LineSink): Sample[] {
  return [
    sample('remora_log_lines_total', [log, 'written'], written.value),
    sample('remora_log_lines_total', [log, 'dropped'], dropped.value),
  ];
}
