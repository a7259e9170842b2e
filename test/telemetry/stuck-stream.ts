import type { LineStream } from '../../src/telemetry/line-sink.ts';

/** A stream whose reader reads when told to. */
export class StuckStream implements LineStream {
  readonly blocks: string[] = [];
  private readonly unconfirmed: ((error?: Error | null) => void)[] = [];

  write(text: string, done: (error?: Error | null) => void): boolean {
    this.blocks.push(text);
    this.unconfirmed.push(done);
    return false;
  }

  on(): void {}

  /** The reader takes what was written, or turns out to be gone. */
  take(error: Error | null = null): void {
    for (const done of this.unconfirmed.splice(0)) done(error);
  }

  get lines(): string[] {
    return this.blocks.join('').split('\n').slice(0, -1);
  }
}

/** The turn of the event loop in which a sink writes. */
export function nextTurn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
