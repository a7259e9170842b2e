import { describe, expect, it } from 'vitest';
import { settle } from '../../src/config/settle.ts';
import { warningsOf } from '../../src/config/warnings.ts';
import { complaints, good, web } from './parse.ts';

const NOON = Date.parse('2026-01-31T12:00:00Z');
const UNTIL = 'until: "2026-01-31T13:00:00Z"';
const at = { wallMs: () => NOON };
const upstreams = (text: string): string => web(`consul: {}\nupstreams:\n${text}\n`);
const fault = (text: string): string => upstreams(`  a: { faults: [{ ${text} }] }`);
const said = (text: string): string[] => complaints(text, at);

describe('a fault', () => {
  it('has one effect and an end', () => {
    expect(said(fault(`delay: 1s`))[0]).toMatch(/faults\[0\]\.until: .*expected an instant such as/);
    expect(said(fault(`delay: 1s, reset: true, ${UNTIL}`))[0]).toMatch(/expected one of delay, delayHeader, abort/);
    expect(said(fault(UNTIL))[0]).toMatch(/expected one of delay/);
    expect(said(fault('reset: true, until: tomorrow'))[0]).toMatch(/found "tomorrow", expected an instant/);
    expect(said(fault('reset: true, until: "2026-02-30"'))[0]).toMatch(/expected an instant/);
    expect(said(fault('reset: true, until: "2026-02-30T12:00:00Z"'))[0]).toMatch(/expected an instant/);
    expect(said(fault(`reset: true, percent: 0.004, ${UNTIL}`))[0]).toMatch(/expected a number from 0 to 100 in steps/);
    for (const percent of [0, 0.01, 0.07, 33.33, 99.99])
      expect(said(fault(`reset: true, percent: ${percent}, ${UNTIL}`))).toEqual([]);
    expect(said(fault(`reset: true, ${UNTIL}`))).toEqual([]);
  });

  it('ends within a day from now, whatever layer says it', () => {
    const text = fault('reset: true, until: "2026-02-01T12:00:01Z"');
    expect(said(text)).toEqual([
      expect.stringMatching(/remora\.yaml:4:.*faults\[0\]\.until.*expected an instant at most 24h from now/),
    ]);
    expect(said(fault('reset: true, until: "2026-02-01T12:00:00Z"'))).toEqual([]);
  });

  it('in a document from Consul is measured at the time at which that is taken', () => {
    const source = 'remora.yaml';
    const settled = (text: string, wallMs: number) => {
      const newest = [{ layer: 'caller/web', text, revision: '1', isCandidate: false }] as const;
      const local = { source, text: upstreams('  a: {}'), env: {}, set: [] };
      return settle({ local, newest, good: [], chains: [], inForce: null }, { wallMs }).layers[0]?.problems;
    };
    const text = 'upstreams: { a: { faults: [{ abort: {}, until: "2026-02-01T13:00:00Z" }] } }';
    expect(settled(text, NOON)).toMatchObject([
      { path: 'upstreams.a.faults[0].until', source: expect.stringMatching(/^kv:/) },
    ]);
    expect(settled(text, NOON + 3_600_000)).toEqual([]);
    expect(settled('inbound: { faults: [] }', NOON)).toMatchObject([{ path: expect.stringMatching(/^inbound/) }]);
  });

  it('that is over is no mistake, and is told', () => {
    const text = `${fault('reset: true, until: "2026-01-31T11:00:00Z"')}inbound: { port: 1, faults: [{ delay: 1s, ${UNTIL} }] }\n`;
    const config = good(text, at);
    expect(warningsOf(config, NOON)).toEqual([
      'upstreams.a.faults[0] ended at 2026-01-31T11:00:00.000Z and does nothing; take it out',
    ]);
    expect(warningsOf(config, NOON - 3_600_001)).toEqual([]);
  });

  it('asks nothing of opaque connections that they do not have', () => {
    const tcp = (text: string) => said(upstreams(`  a: { port: 1, protocol: tcp, faults: [{ ${text}, ${UNTIL} }] }`));
    expect(tcp('abort: {}')[0]).toMatch(/faults\[0\]\.abort.*abort for protocol tcp, expected delay or reset/);
    expect(tcp('bandwidth: 1KiB')[0]).toMatch(/bandwidth for protocol tcp/);
    expect(tcp('delayHeader: x')[0]).toMatch(/a header for protocol tcp/);
    expect(tcp('delay: 1s, match: { path: /a }')[0]).toMatch(/match\.path.*a path for protocol tcp/);
    expect(tcp('reset: true, match: { headers: { a: b } }')[0]).toMatch(/headers for protocol tcp/);
    expect(tcp('reset: true, match: { callers: [10.0.0.1] }')).toEqual([]);
    const inbound = `consul: {}\ninbound: { port: 1, protocol: tcp, faults: [{ abort: {}, ${UNTIL} }] }\n`;
    expect(said(web(inbound))[0]).toMatch(/inbound\.faults\[0\]\.abort/);
  });
});

describe('a fallback', () => {
  const a = (text: string, more = '') => said(upstreams(`  a: { ${text} }\n${more}`));

  it('gives something', () => {
    expect(a('fallback: {}')[0]).toMatch(/a fallback to nothing, expected upstream, stale or static in it/);
    expect(a('fallback: { stale: {} }')).toEqual([]);
    expect(a('port: 1, protocol: tcp, fallback: { stale: {} }')[0]).toMatch(/fallback for protocol tcp/);
  });

  it('leads to another upstream that speaks HTTP, and not in a circle', () => {
    expect(a('fallback: { upstream: bb }', '  b: {}')[0]).toMatch(/bb, which is not declared.*did you mean b\?/);
    expect(a('fallback: { upstream: b }', '  b: { port: 1, protocol: tcp }')[0]).toMatch(/upstream b of protocol tcp/);
    expect(a('fallback: { upstream: a }')[0]).toMatch(/the upstream itself/);
    const circle = a(
      'fallback: { upstream: b }',
      '  b: { fallback: { upstream: c } }\n  c: { fallback: { upstream: a } }',
    );
    expect(circle).toHaveLength(3);
    expect(circle[0]).toMatch(/remora\.yaml:4:.*upstreams\.a\.fallback\.upstream.*a circle: a to b to c to a/);
    expect(circle[2]).toMatch(/remora\.yaml:6:.*upstreams\.c/);
    expect(a('fallback: { upstream: b }', '  b: { fallback: { stale: {} } }')).toEqual([]);
  });

  it('has no fields that are not its own to set', () => {
    expect(a('fallback: { static: { fields: { Content-Length: "3" } } }')[0]).toMatch(/other than those of framing/);
    expect(a('fallback: { static: { fields: { x-remora-fault: a } } }')[0]).toMatch(/x-remora-\*/);
    expect(a(`fallback: { static: { body: "${'x'.repeat(65_537)}" } }`)[0]).toMatch(/at most 64KiB/);
    expect(a('fallback: { codes: [bad_request], stale: {} }')[0]).toMatch(/codes\[0\]/);
  });
});
