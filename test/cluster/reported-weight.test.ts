import { describe, expect, it } from 'vitest';
import { SeededRandom } from '../../src/base/random.ts';
import { makeBalancer } from '../../src/cluster/balancers.ts';
import { DEFAULT_REPORTED_WEIGHTS, ReportedWeight } from '../../src/cluster/reported-weight.ts';
import { FieldList } from '../../src/http/fields.ts';
import { build, fakes } from '../contract/balancer.ts';
import { type FakeEndpoint, pickContext } from '../support/fake-endpoint.ts';

const fields = (text: string) => new FieldList().add('endpoint-load-metrics', text);

function report(weight: ReportedWeight, now: number, text = 'TEXT cpu_utilization=0.5,rps_fractional=100'): void {
  weight.read(fields(text), now);
}

/** The weight of one report, without a blackout. */
function weigh(text: string): number {
  const weight = new ReportedWeight({ ...DEFAULT_REPORTED_WEIGHTS, blackoutMs: 0 });
  report(weight, 1_000, text);
  return weight.at(1_000);
}

describe('a reported weight', () => {
  it('is requests per unit of load', () => {
    expect(weigh('TEXT cpu_utilization=0.5,rps_fractional=100')).toBe(200);
  });

  it('goes by the load of the application where that is told', () => {
    expect(weigh('TEXT cpu_utilization=0.5,application_utilization=0.25,rps_fractional=100')).toBe(400);
    expect(weigh('TEXT cpu_utilization=0.5,application_utilization=0,rps_fractional=100')).toBe(200);
  });

  it('takes the share of errors for load, as often as told', () => {
    expect(weigh('TEXT cpu_utilization=0.5,rps_fractional=100,eps=30')).toBe(125);
    const harsh = new ReportedWeight({ ...DEFAULT_REPORTED_WEIGHTS, blackoutMs: 0, errorPenalty: 5 });
    report(harsh, 1_000, 'TEXT cpu_utilization=0.5,rps_fractional=100,eps=30');
    expect(harsh.at(1_000)).toBe(50);
  });

  it('is none without requests, without load, or where it is malformed, and says how often that was', () => {
    const weight = new ReportedWeight(DEFAULT_REPORTED_WEIGHTS);
    for (const text of ['TEXT cpu_utilization=0.5', 'TEXT rps_fractional=10', 'TEXT eps=1', 'TEXT', 'JSON {}']) {
      report(weight, 1_000, text);
    }
    report(weight, 1_000);
    weight.read(new FieldList(), 1_000);
    expect([weight.taken, weight.unusable, weight.malformed]).toEqual([1, 4, 1]);
  });

  it('is used after the blackout and until it expires', () => {
    const weight = new ReportedWeight(DEFAULT_REPORTED_WEIGHTS);
    expect(weight.at(1_000)).toBe(0);
    report(weight, 1_000);
    report(weight, 6_000);
    expect([weight.at(10_999), weight.at(11_000)]).toEqual([0, 200]);
    expect([weight.at(185_999), weight.at(186_000)]).toEqual([200, 0]);
  });

  it('waits again after it expired, though nobody asked meanwhile', () => {
    const weight = new ReportedWeight(DEFAULT_REPORTED_WEIGHTS);
    report(weight, 1_000);
    report(weight, 500_000);
    expect([weight.at(509_999), weight.at(510_000)]).toEqual([0, 200]);
  });

  it('waits again when the endpoint begins anew', () => {
    const weight = new ReportedWeight(DEFAULT_REPORTED_WEIGHTS);
    report(weight, 1_000);
    expect(weight.at(20_000)).toBe(200);
    weight.restart();
    expect(weight.at(20_000)).toBe(0);
    report(weight, 21_000);
    expect([weight.at(30_999), weight.at(31_000)]).toEqual([0, 200]);
  });

  it('is not unsettled by a report that cannot be used', () => {
    const weight = new ReportedWeight(DEFAULT_REPORTED_WEIGHTS);
    report(weight, 1_000);
    report(weight, 2_000, 'TEXT rps_fractional=0');
    report(weight, 3_000, 'nonsense');
    expect(weight.at(11_000)).toBe(200);
  });
});

describe('client_side_wrr', () => {
  function make(endpoints: readonly FakeEndpoint[]) {
    for (const endpoint of endpoints) endpoint.reported = new ReportedWeight(DEFAULT_REPORTED_WEIGHTS);
    const picker = build(makeBalancer({ name: 'client_side_wrr' }, new SeededRandom(2)), endpoints);
    return (now: number, picks = 1_000) => {
      const counts = new Map(endpoints.map(({ id }) => [id, 0]));
      for (let i = 0; i < picks; i++) {
        const { id } = picker.pick(pickContext({ now }))!;
        counts.set(id, counts.get(id)! + 1);
      }
      return [...counts.values()];
    };
  }
  const says = (endpoint: FakeEndpoint, weight: number, now: number): void =>
    endpoint.reported!.read(fields(`TEXT cpu_utilization=1,rps_fractional=${weight}`), now);

  function expectShares(counts: readonly number[], shares: readonly number[]): void {
    const total = counts.reduce((sum, count) => sum + count, 0);
    const sum = shares.reduce((all, share) => all + share, 0);
    counts.forEach((count, i) => expect(Math.abs(count - (total * shares[i]!) / sum)).toBeLessThanOrEqual(3));
  }

  it('goes by the weights that endpoints report, and gives the others the mean', () => {
    const endpoints = fakes(3);
    const run = make(endpoints);
    for (const at of [1_000, 12_000]) {
      says(endpoints[0]!, 100, at);
      says(endpoints[1]!, 300, at);
    }
    expectShares(run(12_000), [100, 300, 200]);
  });

  it('goes by discovery until two have reported for long enough', () => {
    const endpoints = fakes(3, (i) => [1, 2, 5][i]!);
    const run = make(endpoints);
    says(endpoints[0]!, 900, 1_000);
    expectShares(run(20_000), [1, 2, 5]);
    says(endpoints[1]!, 100, 20_000);
    expectShares(run(29_000), [1, 2, 5]);
    expectShares(run(31_000), [900, 100, 500]);
  });

  it('takes a new weight at the next update', () => {
    const endpoints = fakes(2);
    const run = make(endpoints);
    for (const endpoint of endpoints) says(endpoint, 100, 1_000);
    expectShares(run(20_000), [1, 1]);
    says(endpoints[0]!, 300, 20_500);
    expectShares(run(20_999), [1, 1]);
    run(21_000, 10);
    expectShares(run(21_000), [3, 1]);
  });

  it('does not let an endpoint wait for what it weighed before', () => {
    const endpoints = fakes(3);
    const run = make(endpoints);
    for (const at of [1_000, 12_000]) {
      says(endpoints[0]!, 0.0001, at);
      for (const endpoint of endpoints.slice(1)) says(endpoint, 1_000, at);
    }
    expect(run(12_000)[0]).toBeLessThan(3);
    says(endpoints[0]!, 1_000, 12_500);
    expectShares(run(13_000), [1, 1, 1]);
  });

  it('lets slow start have its say', () => {
    const endpoints = fakes(2);
    const run = make(endpoints);
    for (const endpoint of endpoints) says(endpoint, 100, 1_000);
    endpoints[0]!.warmth = 0.25;
    expectShares(run(20_000), [1, 4]);
  });
});
