import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { ConsulAgent, consulTitle, findConsul } from '../support/consul.ts';
import { eventually } from '../support/eventually.ts';
import { type Answer, type Asked, FaultConsul, hang, listed, reply } from '../support/fault-consul.ts';
import { Sidecar } from '../support/sidecar.ts';
import { App, ask, Load } from './mesh.ts';

const consul = await findConsul();
const apps: App[] = [];
/** Above that of the lies: Consul answers a question that waits with something newer. */
const TRUE_INDEX = 30n;
/** Of a lie that looks like news. */
const LIE_INDEX = 31n;

beforeAll(async () => {
  for (const name of ['a', 'b', 'c']) apps.push(await App.start(name));
});

afterAll(async () => {
  for (const app of apps) await app.stop();
});

/** The read that confirms a loss: not of any server, and not one that waits. */
const isOfLeader = ({ path, query, index }: Asked): boolean =>
  path === '/v1/health/service/orders' && !query.has('stale') && index === null;

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
      upstreams: { orders: { port: 0, protocol: 'http', balance: 'round_robin', timeouts: { connect: '2s' } } },
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
  /** Answers the questions that wait. */
  let wake: ((answer: Answer) => void)[] = [];
  const truth: Answer = (asked, response, request) => {
    if (asked.path === '/v1/internal/acl/authorize') {
      return reply('ACL support disabled', null, 401)(asked, response, request);
    }
    if (asked.path !== '/v1/health/service/orders') return reply([], 1)(asked, response, request);
    // A long poll that knows everything hangs.
    if (asked.index !== null && BigInt(asked.index) >= TRUE_INDEX) {
      wake.push((answer) => answer(asked, response, request));
      return;
    }
    reply(
      apps.map(({ name, port }) => listed(name, port)),
      Number(TRUE_INDEX),
    )(asked, response, request);
  };

  beforeEach(async () => {
    wake = [];
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
    'that %s for less than a confirmation takes costs no request, and is believed again when it tells the truth',
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

  it('is not silent about variables of Consul that it does not obey', async () => {
    await web.kill();
    web = await Sidecar.start(caller(fault.address), { env: { CONSUL_HTTP_AUTH: 'me:secret', CONSUL_PARTITION: 'p' } });
    expect(web.log.find(({ event }) => event === 'environment_ignored')?.['variables']).toBe(
      'CONSUL_HTTP_AUTH, CONSUL_PARTITION',
    );
    expect(JSON.stringify(web.log)).not.toContain('secret');
  });

  /** Tells a lie to whoever follows, without a sign of trouble; what the leader says is another matter. */
  const lieInPassing = (lie: Answer, leader: Answer): void => {
    const follower: Answer = (asked, response, request) => {
      if (asked.index !== LIE_INDEX.toString()) lie(asked, response, request);
    };
    fault.answer = (asked, response, request) => {
      const isHealth = asked.path === '/v1/health/service/orders';
      const answer = !isHealth ? truth : isOfLeader(asked) ? leader : follower;
      answer(asked, response, request);
    };
    for (const answer of wake.splice(0)) answer(follower);
  };

  it.each([0, 1])(
    'that says to followers that %i of three are left, and its leader does not, costs no request',
    async (left) => {
      const load = new Load(() => web.port('orders'));
      await load.seesOnly(['a', 'b', 'c']);
      lieInPassing(listing(left), truth);
      await eventually(async () => (await web.cluster('orders')).problem?.includes(`${3 - left} of 3`) ?? false);
      await eventually(() => fault.asked.some(isOfLeader));
      await eventually(async () => (await web.cluster('orders')).problem === null);
      await load.seesOnly(['a', 'b', 'c']);
      expect(await load.stop()).toEqual([]);
    },
  );

  it.each([0, 1])(
    'that says for long that %i of three are left is believed by its second answer, of the leader',
    async (left) => {
      const load = new Load(() => web.port('orders'));
      await load.seesOnly(['a', 'b', 'c']);
      const toldAt = performance.now();
      // How things stand when the confirming read arrives, which is before it is answered.
      let before: { readonly failures: readonly string[]; readonly elapsedMs: number } | null = null;
      lieInPassing(listing(left), (...given) => {
        before ??= { failures: [...load.failures], elapsedMs: performance.now() - toldAt };
        listing(left)(...given);
      });
      await eventually(async () => (await web.cluster('orders')).endpoints.length === left);
      expect(before).toMatchObject({ failures: [] });
      expect(before!.elapsedMs).toBeGreaterThanOrEqual(5_000);
      if (left === 0) expect((await ask(web.port('orders'))).headers['x-remora-failure']).toBe('no_endpoint');
      else await load.seesOnly(['a']);
      const failures = await load.stop();
      if (left > 0) expect(failures).toEqual([]);
    },
  );

  const listing =
    (count: number): Answer =>
    (...given) =>
      reply(
        apps.slice(0, count).map(({ name, port }) => listed(name, port)),
        Number(LIE_INDEX),
      )(...given);
});
