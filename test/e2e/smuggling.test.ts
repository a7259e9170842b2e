import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { perform } from '../support/byte-script.ts';
import { RawEndpoint } from '../support/raw-endpoint.ts';
import { Sidecar } from '../support/sidecar.ts';
import { type Outcome, readSmugglingCases, type SmugglingCase } from '../support/smuggling-cases.ts';
import { WireClient } from '../support/wire-client.ts';
import { statusOf, type WireMessage } from '../support/wire-judge.ts';

const CASES = readSmugglingCases();

/** Endpoints misbehave on purpose here, and no breaker is to keep them from it. */
const ORDERS = { port: 0, breaker: { consecutiveFailures: 1_000_000, failureRatio: 1 }, retry: { backoff: '1ms' } };

describe.each(['data', 'handle'])('through one sidecar, %s,', (transport) => {
  let endpoint: RawEndpoint;
  let sidecar: Sidecar;
  let port: number;
  let freshCount = 0;

  beforeAll(async () => {
    endpoint = await RawEndpoint.start();
    sidecar = await Sidecar.start(
      {
        service: { name: 'web', port: 9 },
        upstreams: { orders: ORDERS },
        static: { orders: [endpoint.address] },
      },
      { args: ['--transport', transport] },
    );
    port = sidecar.port('orders');
    await askAnew();
  });

  afterEach(() => {
    expect(endpoint.faults).toEqual([]);
    endpoint.forget();
  });

  afterAll(async () => {
    const bugs = await sidecar.metric('remora_bugs_total');
    await sidecar.kill();
    await endpoint.stop();
    expect({ bugs, stray: sidecar.stray }).toEqual({ bugs: 0, stray: '' });
  });

  /** A request of its own on a new connection gets its own answer. Its first line, as far as the target. */
  async function askAnew(): Promise<string> {
    const target = `/fresh-${freshCount++}`;
    const client = await WireClient.connect(port);
    client.ask(target);
    await client.answered(1);
    client.leave();
    expect(client.last, client.text).toMatchObject({ body: `GET ${target}`, isComplete: true });
    return `GET ${target}`;
  }

  /** Behind a last answer the connection either ends, as was said, or carries another request. */
  async function checkConnection(client: WireClient, { answers, closes }: Outcome): Promise<void> {
    const { last } = client;
    const says = last === undefined || saysClose(last) || !last.isComplete;
    if (closes !== null) expect(says, client.text).toBe(closes);
    if (says) return client.closed();
    const target = `/again-${freshCount++}`;
    client.ask(target);
    await client.answered(answers.length + 1);
    expect(client.last, client.text).toMatchObject({ body: `GET ${target}`, isComplete: true });
  }

  async function run({ request, answer, outcome }: SmugglingCase): Promise<void> {
    endpoint.play('/case', answer);
    const client = await WireClient.connect(port);
    client.methods.push(...methodsOf(request.filter((step) => Buffer.isBuffer(step))));
    await perform(client.socket, request);
    await client.answered(outcome.answers.length || Number.POSITIVE_INFINITY);
    const { last, text } = client;
    expect(client.statuses, client.text).toEqual(outcome.answers);
    await checkConnection(client, outcome);
    client.leave();

    if (outcome.isDropped) await endpoint.until(() => endpoint.played!.isLeft);
    const freshStart = await askAnew();
    const isReused = endpoint.played === endpoint.hearer(freshStart);
    await askAnew();

    const { faults, rest } = client.judged;
    expect({ faults, rest }).toEqual({ faults: [], rest: '' });
    const { body, asked, hears, sees } = outcome;
    if (body !== null) expect({ isWhole: last?.isComplete, text: last?.body }).toEqual(body);
    if (hears !== null) expect(endpoint.complete.filter(isOfCase).map(described)).toEqual(hears);
    if (asked !== null) expect(endpoint.playedCount).toBe(asked);
    if (outcome.isReused !== null) expect(isReused).toBe(outcome.isReused);
    const heard = { endpoint: endpoint.connections.map(({ text }) => text).join(''), client: text };
    for (const { who, isSeen, what } of sees) {
      if (isSeen) expect(heard[who]).toMatch(what);
      else expect(heard[who]).not.toMatch(what);
    }
  }

  it.each(CASES.map((one) => [one.name, one] as const))('%s', (_, one) => run(one));
});

it('has cases of every class', () => {
  expect(CASES.filter(({ answer }) => answer === null).length).toBeGreaterThanOrEqual(80);
  expect(CASES.filter(({ answer }) => answer !== null).length).toBeGreaterThanOrEqual(30);
});

function saysClose({ fields, start }: WireMessage): boolean {
  return statusOf(start) === 101 || fields.some(([name, value]) => name === 'connection' && value.includes('close'));
}

/** Whether HEAD was asked for is all that matters of them. */
function methodsOf(pieces: readonly Buffer[]): string[] {
  return [
    ...Buffer.concat(pieces)
      .toString('latin1')
      .matchAll(/^(\S+) \S+ HTTP\/1/gm),
  ].map(([, method]) => method!);
}

/** Of the case itself, not one of the requests that look whether all is well. */
function isOfCase({ start }: WireMessage): boolean {
  return !/^GET \/(fresh|again)-/.test(start);
}

function described({ start, body }: WireMessage): string {
  const [method, target] = start.split(' ');
  return `${method} ${target}${body === '' ? '' : ` "${body}"`}`;
}
