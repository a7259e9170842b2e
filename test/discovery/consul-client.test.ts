import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { SystemClock } from '../../src/base/clock-system.ts';
import { NO_LOG } from '../../src/base/log.ts';
import { SeededRandom } from '../../src/base/random.ts';
import type { ConsulRead } from '../../src/discovery/consul-api.ts';
import { ConsulClient } from '../../src/discovery/consul-client.ts';
import { ConsulError } from '../../src/discovery/consul-error.ts';
import { ConsulSource } from '../../src/discovery/consul-source.ts';
import type { ConsulOptions } from '../../src/discovery/options.ts';
import { queryFor } from '../support/endpoint-specs.ts';
import { eventually } from '../support/eventually.ts';
import { type Answer, FaultConsul, hang, listed, reply } from '../support/fault-consul.ts';

const clock = new SystemClock();
const never = new AbortController().signal;
const READ: ConsulRead = { mode: 'stale', index: 0n, waitMs: 0, timeoutMs: 5_000 };
const OPTIONS: ConsulOptions = {
  address: '',
  token: null,
  tokenFile: null,
  datacenter: null,
  namespace: null,
  tls: { caFile: null, certFile: null, keyFile: null, serverName: null, verify: true },
};

const toStop: (() => Promise<void> | void)[] = [];
afterEach(async () => {
  for (const stop of toStop.splice(0)) await stop();
});

async function consulThat(answer: Answer, more: Partial<ConsulOptions> = {}) {
  const consul = await FaultConsul.start(answer);
  const client = new ConsulClient({ ...OPTIONS, address: consul.address, ...more }, clock);
  toStop.push(
    () => client.close(),
    () => consul.stop(),
  );
  return { consul, client };
}

async function errorOf(call: Promise<unknown>): Promise<ConsulError> {
  const error = await call.then(
    () => null,
    (reason: unknown) => reason,
  );
  expect(error).toBeInstanceOf(ConsulError);
  return error as ConsulError;
}

describe('ConsulClient', () => {
  it('asks for everything the query names, and for critical instances too', async () => {
    const { consul, client } = await consulThat(reply([], 7), { datacenter: 'dc1', token: 't0' });
    const query = queryFor('a/b', { datacenter: 'dc2', namespace: 'team', tag: 'v1', filter: 'Service.Port == 1' });
    const answer = await client.health(query, { ...READ, index: 12n, waitMs: 60_000 }, never);
    expect(answer).toEqual({
      value: [],
      index: 7n,
      knowsLeader: true,
      isFiltered: false,
      print: '[[],[]]',
      skipped: [],
      resources: [],
    });
    const [asked] = consul.asked;
    expect(asked?.path).toBe('/v1/health/service/a%2Fb');
    expect(Object.fromEntries(asked?.query ?? [])).toEqual({
      dc: 'dc2',
      ns: 'team',
      tag: 'v1',
      filter: 'Service.Port == 1',
      stale: '1',
      index: '12',
      wait: '60000ms',
    });
  });

  it('asks for mesh proxies when the query does', async () => {
    const { consul, client } = await consulThat(reply([], 7));
    await client.health(queryFor('web', { connect: true }), READ, never);
    expect(consul.asked[0]?.path).toBe('/v1/health/connect/web');
  });

  it('keeps an index that no double can hold', async () => {
    const { consul, client } = await consulThat(reply([], '9007199254740993'));
    const { index } = await client.health(queryFor('web'), READ, never);
    await client.health(queryFor('web'), { ...READ, index: index! }, never);
    expect(consul.asked[1]?.index).toBe('9007199254740993');
  });

  it('refuses what is not a health answer', async () => {
    const wrong: readonly [body: unknown, why: RegExp][] = [
      ['{"a":', /not JSON/],
      ['<html>hello</html>', /not JSON/],
      ['', /not JSON/],
      [{}, /expected a list/],
      [null, /expected a list, got null/],
      [[null], /health answer\[0\]: expected an object/],
      [[{ Node: {}, Service: { ID: 5 } }], /Service.ID: expected a string, got 5/],
      [[{ Service: { ID: 'x', Address: '10.0.0.1', Port: '80' } }], /Service.Port: expected a port/],
      [[{ Service: { ID: 'x', Address: '10.0.0.1', Port: 80 }, Checks: {} }], /Checks: expected a list/],
    ];
    const { consul, client } = await consulThat(hang);
    for (const [body, why] of wrong) {
      consul.answer = reply(body, 5);
      expect((await errorOf(client.health(queryFor('web'), READ, never))).message).toMatch(why);
    }
  });

  it('takes an answer that is cut off for an error, with either framing', async () => {
    const { consul, client } = await consulThat((_asked, response) => {
      response.writeHead(200, { 'x-consul-index': '5', 'content-length': '1000' });
      response.write('[{"Service":', () => response.destroy());
    });
    expect((await errorOf(client.health(queryFor('web'), READ, never))).message).toBe('the answer was cut off');
    consul.answer = (_asked, response) => {
      response.writeHead(200, { 'x-consul-index': '5' });
      response.write('[]', () => response.destroy());
    };
    expect((await errorOf(client.health(queryFor('web'), READ, never))).message).toBe('the answer was cut off');
  });

  it('stops reading an answer of more than 16 MiB', async () => {
    let sent = 0;
    const block = Buffer.alloc(1024 * 1024, 0x20);
    const { client } = await consulThat((_asked, response) => {
      response.writeHead(200, { 'x-consul-index': '5' });
      const more = (): void => {
        if (response.destroyed || sent >= 17) return void response.end();
        sent += 1;
        response.write(block, more);
      };
      more();
    });
    expect((await errorOf(client.health(queryFor('web'), READ, never))).message).toMatch(/longer than 16777216 bytes/);
  });

  it('has a deadline on every call, before the head and in the middle of the body', async () => {
    const { consul, client } = await consulThat(hang);
    const read = { ...READ, timeoutMs: 150 };
    expect((await errorOf(client.health(queryFor('web'), read, never))).message).toBe('no answer within 150 ms');
    consul.answer = (_asked, response) => {
      response.writeHead(200, { 'x-consul-index': '5' });
      response.write('[');
    };
    expect((await errorOf(client.health(queryFor('web'), read, never))).message).toBe('no answer within 150 ms');
  });

  it('ends a call at once when its signal aborts', async () => {
    const { consul, client } = await consulThat(hang);
    const ends = new AbortController();
    const call = errorOf(client.health(queryFor('web'), { ...READ, timeoutMs: 60_000 }, ends.signal));
    await eventually(() => consul.asked.length === 1);
    ends.abort();
    expect((await call).message).toBe('cancelled');
    expect((await errorOf(client.health(queryFor('web'), READ, ends.signal))).message).toBe('cancelled');
    expect(consul.asked.length).toBe(1);
  });

  it('says what Consul said when it refuses, and whether asking again can help', async () => {
    const { consul, client } = await consulThat(hang);
    const cases: readonly [number, string, boolean][] = [
      [500, 'No cluster leader', false],
      [500, 'No path to datacenter', true],
      [500, 'Failed to create boolean expression evaluator: Selector "X" is not valid', true],
      [429, 'Your IP is issuing too many concurrent connections', false],
      [403, 'ACL not found', true],
      [503, 'rpc error', false],
    ];
    for (const [status, text, isLasting] of cases) {
      consul.answer = (_asked, response) => {
        response.writeHead(status, { 'content-type': 'text/plain', 'x-consul-index': '1' });
        response.end(text);
      };
      const error = await errorOf(client.health(queryFor('web'), READ, never));
      expect([error.status, error.message, error.isLasting]).toEqual([
        status,
        `Consul answered ${status}: ${text}`,
        isLasting,
      ]);
    }
  });

  it('says so when the scheme of its address is not what the agent speaks, and only then', async () => {
    const plain = await consulThat(reply([], 7));
    const asTls = new ConsulClient({ ...OPTIONS, address: plain.consul.address.replace('http', 'https') }, clock);
    toStop.push(() => asTls.close());
    const ask = async (client: ConsulClient): Promise<string> =>
      (await errorOf(client.health(queryFor('web'), READ, never))).message;
    expect(await ask(asTls)).toMatch(
      /EPROTO wrong version number \(consul\.address says https, and the agent there seems to speak plain HTTP: try http:/,
    );

    // An agent written in Go answers in the clear; other TLS ends answer with an alert, which is no HTTP.
    const goText = 'Client sent an HTTP request to an HTTPS server.\n';
    const inGo = await consulThat(reply(goText, null, 400));
    expect(await ask(inGo.client)).toMatch(/^Consul answered 400: .*says http, .* speak TLS: try https:/);
    const alert = await consulThat((_asked, _response, { socket }) => void socket.end('\x15\x03\x01\x00\x02\x02\x46'));
    expect(await ask(alert.client)).toMatch(/says http, .* speak TLS: try https:/);

    const other = await consulThat(reply('Bad request', null, 400));
    expect(await ask(other.client)).toBe('Consul answered 400: Bad request');
  });

  it('names the socket error when nobody is there', async () => {
    const { consul, client } = await consulThat(hang);
    await consul.stop();
    toStop.pop();
    expect((await errorOf(client.health(queryFor('web'), READ, never))).message).toMatch(/ECONNREFUSED/);
  });

  it('takes a token for able to read only what Consul says it may, and asks for no more than Consul takes', async () => {
    const asked = [...Array(100).keys()].map((i) => ({ kind: 'node', name: `n${i}` }) as const);
    const seen: unknown[] = [];
    let denied = '';
    const { client } = await consulThat((what, response, request) => {
      let text = '';
      request.on('data', (bytes: Buffer) => (text += bytes.toString()));
      request.on('end', () => {
        const rights = JSON.parse(text) as { readonly Segment: string }[];
        seen.push([request.method, what.path, rights.length, rights[0]]);
        reply(
          rights.map(({ Segment }) => ({ Allow: Segment !== denied })),
          null,
        )(what, response, request);
      });
    });
    expect(await client.checkRights(asked, queryFor('web'), never)).toBe('granted');
    expect(seen).toEqual([
      ['POST', '/v1/internal/acl/authorize', 64, { Resource: 'node', Segment: 'n0', Access: 'read' }],
      ['POST', '/v1/internal/acl/authorize', 36, { Resource: 'node', Segment: 'n64', Access: 'read' }],
    ]);
    denied = 'n99';
    const call = client.checkRights(asked, queryFor('web'), never);
    expect((await errorOf(call)).message).toBe('the token may not read node "n99"');
    await client.checkRights(asked, queryFor('web', { namespace: 'team' }), never).catch(() => null);
    expect(seen.at(-1)).toMatchObject([{}, {}, 36, { Namespace: 'team' }]);
  });

  it('needs no rights where there are no ACLs, and has no proof where nothing says so', async () => {
    const service = [{ kind: 'service', name: 'web' }] as const;
    const old = (self: Answer): Answer => {
      const gone = reply('', null, 404);
      return (asked, ...rest) => (asked.path === '/v1/acl/token/self' ? self : gone)(asked, ...rest);
    };
    const off = reply('ACL support disabled', null, 401);
    for (const answer of [off, old(off)]) {
      const { client } = await consulThat(answer);
      expect(await client.checkRights(service, queryFor('web'), never)).toBe('open');
    }
    for (const answer of [
      old(reply({ AccessorID: 'x' }, null)),
      reply('Permission denied', null, 403),
      reply([], null),
      reply([null], null),
      reply([{ Allow: 'yes' }], null),
      reply({}, null),
    ]) {
      const { client } = await consulThat(answer);
      await errorOf(client.checkRights(service, queryFor('web'), never));
    }
  });

  it('reads the token from its file, again when the file changed', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'remora-token-'));
    toStop.push(() => rm(folder, { recursive: true }));
    const tokenFile = join(folder, 'token');
    await writeFile(tokenFile, 'first\n');
    const tokens: unknown[] = [];
    const { client } = await consulThat(
      (asked, response, request) => {
        tokens.push(request.headers['x-consul-token']);
        reply([], 5)(asked, response, request);
      },
      { tokenFile },
    );
    await client.health(queryFor('web'), READ, never);
    await writeFile(tokenFile, 'second token\n');
    await client.health(queryFor('web'), READ, never);
    await rm(tokenFile);
    await client.health(queryFor('web'), READ, never);
    expect(tokens).toEqual(['first', 'second token', 'second token']);
  });

  it('has a new token for whoever was refused before the file had another one, whatever others have heard since', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'remora-token-'));
    toStop.push(() => rm(folder, { recursive: true }));
    const tokenFile = join(folder, 'token');
    await writeFile(tokenFile, 'first\n');
    const { consul, client } = await consulThat(reply([], 5), { tokenFile });
    await client.health(queryFor('web'), READ, never);
    const since = performance.now();
    consul.answer = reply('ACL not found', null, 403);
    await errorOf(client.health(queryFor('web'), READ, never));
    expect(await client.hasNewToken(since)).toBe(false);
    await writeFile(tokenFile, 'second\n');
    expect(await client.hasNewToken(since)).toBe(true);
    // Somebody who may less than others is refused with the new one.
    await errorOf(client.health(queryFor('api'), READ, never));
    expect(await client.hasNewToken(since)).toBe(true);
    expect(await client.hasNewToken(performance.now() + 1)).toBe(false);
    await rm(tokenFile);
    expect(await client.hasNewToken(since)).toBe(true); // the last content stands
  });

  it('says so when the token file was never there', async () => {
    const { client } = await consulThat(reply([], 5), { tokenFile: '/nonexistent/token' });
    expect((await errorOf(client.health(queryFor('web'), READ, never))).message).toMatch(
      /ENOENT.*\/nonexistent\/token/,
    );
  });

  it('reads a KV document, an empty one and one that is not there', async () => {
    const { consul, client } = await consulThat(hang);
    consul.answer = reply([{ Key: 'a/b', Value: Buffer.from('x: 1').toString('base64'), ModifyIndex: 9 }], 9);
    expect((await client.kv('a/b', READ, never)).value).toEqual({
      key: 'a/b',
      text: 'x: 1',
      isHeld: false,
      revision: '9',
    });
    consul.answer = reply([{ Key: 'a/b', Value: 'Yg==', ModifyIndex: 9, Session: 'f00d' }], 9);
    expect((await client.kv('a/b', READ, never)).value).toMatchObject({ text: 'b', isHeld: true });
    consul.answer = reply([{ Key: 'a/b', Value: null, ModifyIndex: 10 }], 10);
    expect((await client.kv('a/b', READ, never)).value).toEqual({
      key: 'a/b',
      text: '',
      isHeld: false,
      revision: '10',
    });
    consul.answer = reply('', 11, 404);
    expect(await client.kv('a/b', READ, never)).toMatchObject({
      value: { key: 'a/b', text: null, isHeld: false, revision: '0' },
      index: 11n,
    });
  });

  it('reaches an agent on an IPv6 address', async () => {
    const { client } = await consulThat(reply([], 5), { address: 'http://[::1]:1' });
    // Nobody listens there: what matters is that the brackets are not taken for a name.
    expect((await errorOf(client.health(queryFor('web'), READ, never))).message).toMatch(/ECONNREFUSED|EADDRNOTAVAIL/);
  });
});

describe('ConsulSource against a Consul that lies', () => {
  const follow = (client: ConsulClient) => {
    const ends = new AbortController();
    toStop.unshift(() => ends.abort());
    const source = new ConsulSource(client, clock, new SeededRandom(5), NO_LOG, { waitMs: 20_000 });
    return source.follow(queryFor('web'), ends.signal);
  };

  it('keeps its endpoints through garbage, wrong types, refusals and cuts, and recovers with the first good answer', async () => {
    // Honest while `lie` is null: answers a plain read, and lets a long poll wait until there is a lie to tell.
    let lie: Answer | null = null;
    let waiting: (() => void)[] = [];
    const { client } = await consulThat((asked, response, request) => {
      if (lie !== null) return lie(asked, response, request);
      if (asked.index === null) return reply([listed('w1', 1), listed('w2', 2)], 5)(asked, response, request);
      waiting.push(() => lie?.(asked, response, request));
    });
    const watch = follow(client);
    await eventually(() => waiting.length === 1);

    const lies: readonly (readonly [Answer, RegExp])[] = [
      [reply('{]', 6), /not JSON/],
      [reply({ error: 'x' }, 6), /expected a list/],
      [reply([[1]], 6), /expected an object/],
      [reply([], null), /no X-Consul-Index/],
      [reply('No cluster leader', 1, 500), /500/],
      [(_asked, response) => void response.destroy(), /hang up|ECONNRESET/],
    ];
    for (const [answer, why] of lies) {
      lie = answer;
      for (const tell of waiting) tell();
      waiting = [];
      await eventually(() => why.test(watch.problem ?? ''));
      expect(watch.value?.endpoints.length).toBe(2);
      lie = null;
      await eventually(() => waiting.length === 1);
      expect(watch.problem).toBe(null);
    }
    expect(watch.value?.endpoints.length).toBe(2);
  });

  it('asks no more than a handful of times a second, whatever is answered', async () => {
    let n = 0;
    const lies: readonly Answer[] = [
      reply([listed('w1', 1)], 5),
      reply([listed('w1', 1)], 0),
      (asked, response, request) => reply([listed('w1', 1)], 1_000_000 - n++)(asked, response, request),
      (asked, response, request) => reply([listed('w1', 1 + (n % 9))], 5 + n++)(asked, response, request),
      reply([listed('w1', 1)], null),
      reply('x', 1, 500),
      reply('slow down', 1, 429),
    ];
    const consuls = await Promise.all(lies.map((lie) => consulThat(lie)));
    const watches = consuls.map(({ client }) => follow(client));
    const startedAt = performance.now();
    await eventually(() => performance.now() - startedAt > 2_500);
    // A burst of five, then one a second.
    for (const { consul } of consuls) {
      expect(consul.asked.length).toBeGreaterThan(1);
      expect(consul.asked.length).toBeLessThanOrEqual(9);
    }
    expect(watches[0]?.value?.endpoints.length).toBe(1);
  });
});
