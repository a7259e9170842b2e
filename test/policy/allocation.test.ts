import { describe, expect, it } from 'vitest';
import { Timer } from '../../src/base/clock.ts';
import { Edits } from '../../src/http/edits.ts';
import { RequestParser } from '../../src/http1/request-parser.ts';
import { AdaptiveLimit } from '../../src/policy/adaptive-limit.ts';
import { DEFAULT_ADAPTIVE } from '../../src/policy/adaptive-options.ts';
import { Admission } from '../../src/policy/admission.ts';
import type { Criticality } from '../../src/policy/criticality.ts';
import { CriticalityRule, DEFAULT_CRITICALITY_OPTIONS } from '../../src/policy/criticality-rule.ts';
import { Visit } from '../../src/policy/door.ts';
import type { Evidence } from '../../src/policy/evidence.ts';
import { REFUSED, type Ticket } from '../../src/policy/gate.ts';
import { DEFAULT_LIMITS } from '../../src/policy/options.ts';
import { LinePlace } from '../../src/proxy/line-place.ts';
import { WaitingLine } from '../../src/proxy/waiting-line.ts';
import { allocatedPer } from '../support/allocated.ts';
import { evidence } from '../support/evidence.ts';
import { ManualClock } from '../support/manual-clock.ts';

/** The smallest thing on the heap takes 12 bytes. */
const NOTHING = 1;
/**
 * Instants are fractions, as those of the real clock, and on the heap before the call as those are: an array of numbers
 * alone would put each there when it is read.
 */
const moments: readonly (number | null)[] = [null, ...Array.from({ length: 999 }, (_, i) => 1_000 + i * 1.37)];
const answers: readonly Evidence[] = moments.map((at, i) => answerAt(at ?? 1_000, i));

function answerAt(now: number, i: number): Evidence {
  return evidence(i % 50 === 0 ? 'failure' : 'success', {
    status: i % 50 === 0 ? 503 : 200,
    startedAt: now,
    sentAt: now + 0.01,
    firstByteAt: now + 5 + (i % 7) / 3,
  });
}

describe.each(['gradient2', 'aimd'] as const)('a limit learned by %s', (algorithm) => {
  it.each(['off', 'observe', 'enforce'] as const)('allocates nothing per request with %s', (mode) => {
    const law = { ...DEFAULT_ADAPTIVE.law, algorithm };
    const gate = new Admission(64, new AdaptiveLimit({ ...DEFAULT_ADAPTIVE, mode, law }));
    const running: Ticket[] = new Array<Ticket>(32).fill(REFUSED);
    const run = (times: number): void => {
      for (let i = 0; i < times; i++) {
        const now = moments[1 + (i % 999)]!;
        gate.settle(running[i % 32]!, answers[i % answers.length]!, now);
        running[i % 32] = gate.admit(now, (i % 4) as Criticality);
      }
    };
    expect(allocatedPer(run)).toBeLessThan(NOTHING);
  });
});

it('a line allocates nothing for those who wait, but what a turn costs', () => {
  const clock = new ManualClock(1_000);
  const gate = new Admission(1, new AdaptiveLimit({ ...DEFAULT_ADAPTIVE, mode: 'off' }));
  let task: (() => void) | null = null;
  const line = new WaitingLine(clock, gate, { ...DEFAULT_LIMITS, maxPending: 64 }, (turn) => (task = turn));
  let ticket = gate.admit(1);
  const onWake = (): void => {
    ticket = gate.admit(1);
  };
  const places = Array.from(
    { length: 32 },
    () => new LinePlace({ parkTimer: new Timer({ onTimer: () => undefined }), onWake }),
  );
  const now = 1_000.5;
  const run = (times: number): void => {
    for (let i = 0; i < times; i++) {
      const place = places[i % 32]!;
      if (!place.isIn) line.enter(place, (i % 4) as Criticality, 10, now);
      gate.settle(ticket, answers[1]!, now);
      line.roomMade();
      task!();
    }
  };
  expect(allocatedPer(run)).toBeLessThan(NOTHING);
  expect(line.entered).toBeGreaterThan(1_000_000);
});

/** A slice of the head, as every field that somebody asks for. */
const SLICE = 33;

it.each([
  ['does not say', '', NOTHING],
  ['says', 'x-remora-criticality: sheddable\r\n', SLICE],
])('reading how much a request matters that %s it, and telling the endpoint', (_title, line, most) => {
  const rule = new CriticalityRule(DEFAULT_CRITICALITY_OPTIONS);
  const parser = new RequestParser({ maxHeadBytes: 16_384, maxFields: 50, maxTargetBytes: 1_024 }, 'http');
  parser.parse(Buffer.from(`GET / HTTP/1.1\r\nhost: orders\r\nuser-agent: curl\r\naccept: */*\r\n${line}\r\n`), 0);
  const [visit, edits] = [new Visit(), new Edits()];
  const run = (times: number): void => {
    for (let i = 0; i < times; i++) {
      edits.reset();
      rule.read(parser.head, visit);
      rule.pass(visit, edits);
    }
  };
  expect(allocatedPer(run)).toBeLessThan(most);
});
