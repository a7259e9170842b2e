import { describe, expect, it } from 'vitest';
import { frame, lastFrame } from '../../src/cli/demo/frame.ts';
import { paint, span, widthOf } from '../../src/cli/demo/spans.ts';
import { picture, row } from './demo-picture.ts';

function drawn(columns: number, rows: number, more = {}): string[] {
  return frame(picture(more), { columns, rows }).map((line) => paint(line, false));
}

describe('the live view', () => {
  it('fills a terminal of 80 columns and 24 rows', () => {
    expect(drawn(80, 24)).toEqual([
      '  remora demo   10 of 20 s   ####################....................',
      '  orders is found in Consul, http://127.0.0.1:8500',
      '',
      '  orders-1 is killed',
      '',
      '  RATE     SUCCESS    P50       P99       REQUESTS  FAILED  RETRIED  TRIPS',
      '  250/s    99.99 %    1.2 ms    1.2 s     2500      0       7        1',
      '',
      '  ENDPOINT  WHAT IT IS      SHARE             BREAKER  TRIPS  LATENCY  HEALTH',
      '  orders-1  killed            0 %             open         1  12.3 ms  critical',
      '  orders-2  slow, 40-80 ms   50 %  #####      closed       0  12.3 ms  passing',
      '  orders-4  steady              -             -            -        -  -',
      '  LATENCY is what the balancer expects; a failure counts as 5 s until it fades',
      '',
      '  23.0s  event 23',
      '  24.0s  event 24',
      '  25.0s  event 25',
      '  26.0s  event 26',
      '  27.0s  event 27',
      '  28.0s  event 28',
      '  29.0s  event 29',
      '',
      '  look closer: remora status --admin 127.0.0.1:41234',
      '  Ctrl-C ends it and leaves nothing running',
    ]);
  });

  it('never has a line too many or a column too many', () => {
    for (let columns = 1; columns <= 200; columns += 7) {
      for (let rows = 1; rows <= 60; rows += 3) {
        const lines = frame(picture(), { columns, rows });
        expect(lines.length).toBeLessThanOrEqual(rows);
        for (const line of lines) expect(widthOf(line)).toBeLessThanOrEqual(Math.max(1, columns - 1));
      }
    }
  });

  it('keeps share and breaker of every endpoint on a small terminal', () => {
    const lines = drawn(40, 12);
    expect(lines.filter((line) => /^ {2}orders-\d/.test(line))).toEqual([
      '  orders-1 is killed',
      '  orders-1    0 %  open     12.3 ms',
      '  orders-2   50 %  closed   12.3 ms',
      '  orders-4      -  -              -',
    ]);
  });

  it('does not move when numbers change', () => {
    const starts = (lines: readonly string[]): number[] => lines.slice(5, 12).map((line) => line.indexOf('closed'));
    const seen = { share: 1, breaker: 'closed', trips: 12, latencyMs: 4_999, health: 'passing' } as const;
    const calm = [row('orders-1'), row('orders-2'), row('orders-3')];
    expect(starts(drawn(80, 24, { rows: calm, sent: 1 }))).toEqual(
      starts(drawn(80, 24, { rows: calm.map((one) => ({ ...one, seen })), sent: 99_999_999, failed: 12_345 })),
    );
  });

  it('leaves the endpoints and all events on the screen when it is over', () => {
    const lines = lastFrame(picture(), 80).map((line) => paint(line, false));
    expect(lines.filter((line) => line.startsWith('  orders-'))).toHaveLength(3);
    expect(lines.at(-1)).toBe('  29.0s  event 29');
    expect(lines).toContain('  0.0s  event 0');
  });
});

describe('paint', () => {
  it('uses colours only when it may', () => {
    const line = [span('a', 'bad'), span(' b ')];
    expect(paint(line, true)).toBe('\x1b[31ma\x1b[0m b');
    expect(paint(line, false)).toBe('a b');
  });
});
