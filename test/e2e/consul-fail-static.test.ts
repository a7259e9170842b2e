import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { ConsulAgent, consulTitle, findConsul } from '../support/consul.ts';
import { eventually } from '../support/eventually.ts';
import { type Answer, FaultConsul, hang, listed, reply } from '../support/fault-consul.ts';
import { Sidecar } from '../support/sidecar.ts';
import { App, ask, Load } from './mesh.ts';

const consul = await findConsul();
const apps: App[] = [];
/** Above that of the lies: Consul answers a question that waits with something newer. */
const TRUE_INDEX = 30n;

beforeAll(async () => {
  for (const name of ['a', 'b', 'c']) apps.push(await App.start(name));
});

afterAll(async () => {
  for (const app of apps) await app.stop();
});

const caller = (address: string): object => ({
  service: { name: 'web', port: 8080 },
  upstreams: { orders: { port: 0, protocol: 'http' } },
  consul: { address },
});

describe.skipIf(consul.path === null)(consulTitle('under load, a Consul agent that is killed', consul), () => {
  let agent: ConsulAgent;
  let web: Sidecar;

  const register = async (): Promise<void> => {
    for (const app of apps) await agent.http.register('orders', app.name, app.port);
  };
  const age = (): Promise<number> => web.metric('remora_discovery_age_seconds', { upstream: 'orders' });
  const problem = (): Promise<number> => web.metric('remora_discovery_problem', { upstream: 'orders' });

  beforeAll(async () => {
    agent = await ConsulAgent.start(consul.path!);
    await register();
    web = await Sidecar.start(caller(agent.http.address));
  });

  afterAll(async () => {
    await web?.kill();
    await agent?.stop();
  });

  it('costs no request, while it is away, while it is back without its data, and after its services came back', async () => {
    const load = new Load(() => web.port('orders'));
    await load.seesOnly(['a', 'b', 'c']);

    await agent.kill();
    await eventually(async () => (await problem()) === 1);
    expect((await web.cluster('orders')).problem).not.toBe(null);
    const before = await age();
    await eventually(async () => (await age()) > before + 1);
    await load.seesOnly(['a', 'b', 'c']);

    // In memory only: what comes back lists nobody.
    await agent.restart();
    await eventually(async () => (await web.cluster('orders')).problem?.includes('3 of 3') ?? false);
    await load.seesOnly(['a', 'b', 'c']);

    await register();
    await eventually(async () => (await problem()) === 0 && (await age()) < 1);
    expect((await web.cluster('orders')).problem).toBe(null);

    // It listens again, and not only remembers.
    await agent.http.setCheck('c', 'critical');
    await load.seesOnly(['a', 'b']);
    await agent.http.setCheck('c', 'passing');
    await load.seesOnly(['a', 'b', 'c']);
    expect(await load.stop()).toEqual([]);
  });

  it('lets the configuration change meanwhile, the balancer among it', async () => {
    const load = new Load(() => web.port('orders'));
    await load.passes(20);
    await agent.kill();
    await eventually(async () => (await problem()) === 1);
    web.write({
      admin: { port: 0 },
      ...caller(agent.http.address),
      upstreams: { orders: { port: 0, protocol: 'http', balancer: 'round_robin', timeouts: { connect: '2s' } } },
    });
    await eventually(async () => (await web.cluster('orders')).balancer === 'round_robin');
    expect((await web.get('/ready')).status).toBe(200);
    await load.seesOnly(['a', 'b', 'c']);
    expect(await load.stop()).toEqual([]);
  });
});

describe('under load, a Consul that lies', () => {
  let fault: FaultConsul;
  let web: Sidecar;
  const truth: Answer = (asked, response, request) => {
    if (asked.path !== '/v1/health/service/orders') return reply([], 1)(asked, response, request);
    // A long poll that knows everything hangs.
    if (asked.index !== null && BigInt(asked.index) >= TRUE_INDEX) return;
    reply(
      apps.map(({ name, port }) => listed(name, port)),
      Number(TRUE_INDEX),
    )(asked, response, request);
  };

  beforeEach(async () => {
    fault = await FaultConsul.start(truth);
    web = await Sidecar.start(caller(fault.address));
  });

  afterEach(async () => {
    await web?.kill();
    await fault?.stop();
  });

  /** Ends what hangs, so that the next question gets the next answer. */
  const turnTo = (answer: Answer): void => {
    fault.answer = answer;
    fault.hangUp();
  };

  const LIES: Readonly<Record<string, Answer>> = {
    'answers garbage': reply('<html>not Consul</html>', 20),
    'answers with the wrong types': reply([{ Service: { ID: 7 } }], 20),
    'answers an empty list': reply([], 20),
    'answers with one of three': (...given) => reply([listed('a', apps[0]!.port)], 20)(...given),
    'answers without an index': reply([], null),
    'answers 500': reply('rpc error: No cluster leader', null, 500),
    'answers 403': reply('Permission denied', null, 403),
    'cuts its answers off': (_asked, response) => {
      response.writeHead(200, {
        'content-type': 'application/json',
        'content-length': '100000',
        'x-consul-index': '20',
      });
      response.write('[{"Node":', () => response.destroy());
    },
    'accepts and hangs': hang,
  };

  it.each(Object.keys(LIES))(
    'that %s costs no request, and is believed again when it tells the truth',
    async (name) => {
      const load = new Load(() => web.port('orders'));
      await load.seesOnly(['a', 'b', 'c']);
      const asked = fault.asked.length;
      turnTo(LIES[name]!);
      // It has been asked and has answered (the first to see a lie may be the question that was cut off).
      await eventually(() => fault.asked.length > asked + 1);
      if (LIES[name] !== hang) await eventually(async () => (await web.cluster('orders')).problem !== null);
      await load.seesOnly(['a', 'b', 'c']);
      turnTo(truth);
      if (!/40\d/.test(name)) await eventually(async () => (await web.cluster('orders')).problem === null, 20_000);
      expect(await load.stop()).toEqual([]);
      expect((await ask(web.port('orders'))).status).toBe(200);
    },
  );
});
