import { frame, lastFrame } from './frame.ts';
import { counted, msWords, type Picture, percentWords, secondsWords } from './picture.ts';
import { paint } from './spans.ts';

/** Where it is shown; a stream of the process fits. */
export interface Screen {
  readonly columns?: number;
  readonly rows?: number;
  write(text: string): unknown;
}

/** How a demo is followed: redrawn in place, or line by line. */
export interface Show {
  /** How often it wants a picture. */
  readonly everyMs: number;
  update(picture: Picture): void;
  event(text: string): void;
  /** Gives the screen back, in whatever state the demo is; a second call does nothing. */
  close(last: Picture | null): void;
}

/** For pipes, logs and people who asked for it: what happens when it happens, and the numbers every two seconds. */
export class Lines implements Show {
  readonly everyMs = 250;
  private nextMs = 2_000;

  constructor(private readonly screen: Screen) {}

  update(picture: Picture): void {
    if (picture.elapsedMs < this.nextMs) return;
    this.nextMs += 2_000 * Math.ceil((picture.elapsedMs - this.nextMs + 1) / 2_000);
    this.screen.write(numbersText(picture));
  }

  event(text: string): void {
    this.screen.write(`${text}\n`);
  }

  close(): void {
    // Every line is out.
  }
}

/** Two lines of less than 80 columns, aligned with those before and after. */
export function numbersText({ elapsedMs, recent, retried, trips, rows }: Picture): string {
  const { perSecond, successRatio, p50Ms, p99Ms } = recent;
  const numbers = [
    `${Math.round(perSecond)}/s`.padStart(5),
    `${percentWords(successRatio).padStart(8)} ok`,
    `p50 ${msWords(p50Ms).padStart(7)}`,
    `p99 ${msWords(p99Ms).padStart(7)}`,
    `${retried} retried`,
    counted(trips, 'trip', 'trips'),
  ];
  const shares = rows.map(({ name, seen }) => {
    if (seen === null) return `${name} -`;
    const state = seen.breaker === 'closed' ? '' : ` (${seen.breaker})`;
    return `${name} ${Math.round(seen.share * 100)} %${state}`;
  });
  return `${secondsWords(elapsedMs).padStart(6)}  ${numbers.join('  ')}\n        ${shares.join(', ')}\n`;
}

const OPEN = '\x1b[?1049h\x1b[?25l';
const CLOSE = '\x1b[?25h\x1b[?1049l';
/** Terminals that know it show a frame at once; others ignore it. */
const BEGIN = '\x1b[?2026h\x1b[H';
const END = '\x1b[J\x1b[?2026l';

/**
 * The live view, on the terminal's other screen, so that what was there before is there again afterwards. Each line is
 * written over the one before and only its rest is erased: clearing first would flicker.
 */
export class LiveView implements Show {
  readonly everyMs = 250;
  private isOpen = false;
  private isClosed = false;
  private last: Picture | null = null;

  constructor(
    private readonly screen: Screen,
    private readonly hasColours: boolean,
  ) {}

  update(picture: Picture): void {
    if (this.isClosed) return;
    if (!this.isOpen) this.screen.write(OPEN);
    this.isOpen = true;
    this.last = picture;
    this.redraw();
  }

  /** Also when the terminal's size has changed. */
  redraw(): void {
    if (!this.isOpen || this.last === null) return;
    const { columns = 80, rows = 24 } = this.screen;
    const lines = frame(this.last, { columns, rows }).map((line) => `${paint(line, this.hasColours)}\x1b[K`);
    this.screen.write(BEGIN + lines.join('\r\n') + END);
  }

  event(): void {
    // It is part of the next picture.
  }

  close(last: Picture | null): void {
    this.isClosed = true;
    if (!this.isOpen) return;
    this.isOpen = false;
    this.screen.write(CLOSE);
    if (last === null) return;
    const lines = lastFrame(last, this.screen.columns ?? 80).map((line) => paint(line, this.hasColours));
    this.screen.write(`${lines.join('\n')}\n`);
  }
}
