import { describe, expect, it } from 'vitest';
import { Lines, LiveView, numbersText, type Screen } from '../../src/cli/demo/show.ts';
import { picture } from './demo-picture.ts';

class Recorder implements Screen {
  text = '';
  constructor(
    public columns = 80,
    public rows = 24,
  ) {}

  write(text: string): void {
    this.text += text;
  }

  take(): string {
    const { text } = this;
    this.text = '';
    return text;
  }
}

const ESCAPE = '\x1b';

describe('plain lines', () => {
  it('say events at once and numbers every two seconds, without escape codes', () => {
    const screen = new Recorder();
    const lines = new Lines(screen);
    for (let elapsedMs = 0; elapsedMs <= 6_500; elapsedMs += 250) lines.update(picture({ elapsedMs }));
    lines.event('   6.7s  orders-1 is killed');
    const text = screen.take();
    expect(text.match(/^ +\d+\.\ds {2}250\/s/gm)).toEqual(
      ['  2.0s  250/s', '  4.0s  250/s', '  6.0s  250/s'].map((s) => s.padStart(13)),
    );
    expect(text).toContain('   6.7s  orders-1 is killed\n');
    expect(text).not.toContain(ESCAPE);
  });

  it('skip what was missed instead of catching up', () => {
    const screen = new Recorder();
    const lines = new Lines(screen);
    for (const elapsedMs of [9_100, 9_350, 9_900, 10_050]) lines.update(picture({ elapsedMs }));
    expect(screen.take().match(/^ +\S+s {2}/gm)).toEqual(['  9.1s  ', ' 10.1s  ']);
  });

  it('are two, of less than 80 columns, and name breakers that are not closed', () => {
    const [numbers, shares] = numbersText(picture()).split('\n');
    expect(numbers).toBe(' 10.0s  250/s   99.99 % ok  p50  1.2 ms  p99   1.2 s  7 retried  1 trip');
    expect(shares).toBe('        orders-1 0 % (open), orders-2 50 %, orders-4 -');
  });
});

describe('the live view on a terminal', () => {
  it('takes the other screen and hides the cursor once, and gives both back once', () => {
    const screen = new Recorder();
    const view = new LiveView(screen, false);
    view.update(picture());
    expect(screen.take().startsWith('\x1b[?1049h\x1b[?25l')).toBe(true);
    view.update(picture());
    expect(screen.take()).not.toContain('\x1b[?1049h');
    view.close(null);
    expect(screen.take()).toBe('\x1b[?25h\x1b[?1049l');
    view.close(picture());
    view.redraw();
    view.update(picture()); // a look that was under way when the demo ended
    expect(screen.take()).toBe('');
  });

  it('touches nothing when it never showed anything', () => {
    const screen = new Recorder();
    new LiveView(screen, false).close(null);
    expect(screen.take()).toBe('');
  });

  it('writes over what is there instead of clearing it first', () => {
    const screen = new Recorder();
    const view = new LiveView(screen, false);
    view.update(picture());
    screen.take();
    view.update(picture());
    const text = screen.take();
    expect(text).not.toContain('\x1b[2J');
    expect(text.match(/\r\n/g)).toHaveLength(23);
    expect(text.match(/\x1b\[K/g)).toHaveLength(24);
  });

  it('follows a terminal that changes its size', () => {
    const screen = new Recorder();
    const view = new LiveView(screen, false);
    view.update(picture());
    screen.take();
    screen.rows = 8;
    view.redraw();
    expect(screen.take().match(/\r\n/g)).toHaveLength(7);
  });

  it('has no colours when it must not', () => {
    const screen = new Recorder();
    new LiveView(screen, false).update(picture());
    expect(screen.take()).not.toMatch(/\x1b\[\d+m/);
    new LiveView(screen, true).update(picture());
    expect(screen.take()).toMatch(/\x1b\[31m/);
  });
});
