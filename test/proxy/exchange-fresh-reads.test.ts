import { describe, expect, it } from 'vitest';
import type { ReadYourWritesOptions } from '../../src/route/read-your-writes.ts';
import { ExchangeScript, type RequestText, responseHead } from '../support/exchange-script.ts';

const COOKIE: ReadYourWritesOptions = {
  forMs: 10_000,
  carrier: { kind: 'cookie', name: 'wrote' },
  position: 'x-position',
};
const HEADER: ReadYourWritesOptions = { ...COOKIE, carrier: { kind: 'header', name: 'x-wrote' } };

class Scene {
  readonly script: ExchangeScript;

  constructor(
    readYourWrites: ReadYourWritesOptions | null = COOKIE,
    endpoints: readonly string[] = ['p=primary', 'r=replica', 's=replica'],
    maxLagMs = Number.POSITIVE_INFINITY,
  ) {
    const fields = { lag: 'x-lag', position: 'x-position' };
    const tokens = readYourWrites === null ? {} : { readYourWrites };
    this.script = new ExchangeScript({ endpoints, roles: { fresh: { maxLagMs, minEndpoints: 1 }, fields, ...tokens } });
  }

  /** Sends a request, has it answered, and says by whom and with what for the client to keep. */
  send(
    text: RequestText,
    status = 200,
    says: (by: string) => Readonly<Record<string, string>> = () => ({}),
  ): { by: string; token: string } {
    const { script } = this;
    const before = new Map([...script.endpoints].map(([name, { upstreams }]) => [name, upstreams.length]));
    script.open().request(text);
    const by = [...script.endpoints].find(([name, { upstreams }]) => upstreams.length > before.get(name)!)?.[0] ?? '';
    if (by === '') return { by, token: '' };
    const { handler } = script.endpoint(by).last;
    handler.onHead(responseHead(status, 'none', -1, says(by)));
    handler.onEnd(null);
    const head = script.take().find((line) => line.includes('client head'))!;
    return { by, token: / (?:set-cookie: wrote=|x-wrote: )([^;]*)/.exec(head)?.[1] ?? '' };
  }

  write(position: string | null, text: RequestText = {}, status = 200) {
    return this.send({ method: 'POST', ...text }, status, () => (position === null ? {} : { 'x-position': position }));
  }

  /** By whom, of so many reads. */
  reads(fields: Readonly<Record<string, string>>): string {
    const seen = new Set<string>();
    for (let i = 0; i < 6; i++) seen.add(this.send({ fields }).by);
    return [...seen].sort().join('');
  }

  /** A replica answers reads with what it knows of itself. */
  tells(name: string, fields: Readonly<Record<string, string>>): void {
    for (let i = 0; i < 4; i++) this.send({}, 200, (by) => (by === name ? fields : {}));
  }
}

describe('a client that has written', () => {
  it('reads from the primary until a replica has said to have its write, and from that one then', () => {
    const scene = new Scene();
    const { by, token } = scene.write('100');
    expect(by).toBe('p');
    const cookie = { cookie: `a=b; wrote=${token}` };
    expect(scene.reads(cookie)).toBe('p');
    expect(scene.reads({})).toBe('rs');
    scene.tells('s', { 'x-position': '99' });
    expect(scene.reads(cookie)).toBe('p');
    scene.tells('s', { 'x-position': '100' });
    expect(scene.reads(cookie)).toBe('s');
  });

  it('reads from anyone when its time is over', () => {
    const scene = new Scene();
    const { token } = scene.write('100');
    scene.script.clock.advance(9_000);
    expect(scene.reads({ cookie: `wrote=${token}` })).toBe('p');
    scene.script.clock.advance(1_000);
    expect(scene.reads({ cookie: `wrote=${token}` })).toBe('rs');
  });

  it('reads from the primary alone where nobody says a position', () => {
    const scene = new Scene();
    const { token } = scene.write(null);
    scene.tells('r', { 'x-position': '1000' });
    expect(scene.reads({ cookie: `wrote=${token}` })).toBe('p');
  });

  it('may have its token in a header', () => {
    const scene = new Scene(HEADER);
    const { token } = scene.write('16/B374D848');
    expect(token).not.toBe('');
    expect(scene.reads({ 'x-wrote': token })).toBe('p');
    scene.tells('r', { 'x-position': '16/B374D849' });
    expect(scene.reads({ 'x-wrote': token })).toBe('r');
  });

  it('has a token of the later one of two writes, whichever is answered last', () => {
    const scene = new Scene();
    scene.write('101');
    const { token } = scene.write('100');
    scene.tells('r', { 'x-position': '100' });
    expect(scene.reads({ cookie: `wrote=${token}` })).toBe('p');
  });

  it('gets none for a write that failed, and none for a read', () => {
    const scene = new Scene();
    expect(scene.write('100', {}, 409).token).toBe('');
    expect(scene.write('100', {}, 302).token).not.toBe('');
    expect(scene.send({}, 200, () => ({ 'x-position': '100' })).token).toBe('');
  });

  it('gets one with the head of a call, unless that says that it has failed', () => {
    const call = { method: 'POST', version: '2', fields: { 'content-type': 'application/grpc', te: 'trailers' } };
    const scene = new Scene(HEADER);
    const token = (fields: Readonly<Record<string, string>>) =>
      scene.send(call, 200, () => ({ 'content-type': 'application/grpc', ...fields })).token;
    expect(token({ 'x-position': '7' })).toMatch(/^[0-9a-z]+\.7\.[0-9a-z]+$/);
    expect(token({ 'grpc-status': '0' })).not.toBe('');
    expect(token({ 'grpc-status': '9' })).toBe('');
  });

  it('keeps a cookie that hides from scripts and lasts as long as it counts', () => {
    const { script } = new Scene();
    script.open().request({ method: 'POST' });
    script.endpoint('p').last.handler.onHead(responseHead(200));
    const line = script.take().find((one) => one.includes('client head'))!;
    expect(line).toMatch(/set-cookie: wrote=[0-9a-z]+\.; Max-Age=10; Path=\/; HttpOnly$/);
  });

  it('waits for a primary where only that will do', () => {
    const scene = new Scene(COOKIE, ['p=primary', 'r=replica']);
    const { token } = scene.write(null);
    scene.script.discover(['p=replica', 'r=replica']);
    const before = scene.script.endpoint('r').upstreams.length;
    scene.script.open().request({ fields: { cookie: `wrote=${token}` } });
    expect([scene.script.hold.size, scene.script.endpoint('r').upstreams.length]).toEqual([1, before]);
    scene.script.discover(['p=replica', 'r=primary']);
    expect([scene.script.hold.size, scene.script.endpoint('r').upstreams.length]).toEqual([0, before + 1]);
  });
});

it('asks nothing of who has made up a token, but that the primary may be asked', () => {
  const scene = new Scene();
  for (const forged of ['10.0.0.1:80', 'p', '', 'zzzzzzzzz.1.1']) {
    expect(scene.reads({ cookie: `wrote=${forged}` }), forged).toBe('rs');
  }
});

it('believes nothing that a replica said before its role was another', () => {
  const scene = new Scene(COOKIE, ['p=primary', 'r=replica']);
  scene.write('500');
  scene.script.discover(['p=replica', 'r=primary']);
  const { by, token } = scene.write('480');
  expect(by).toBe('r');
  expect(scene.reads({ cookie: `wrote=${token}` })).toBe('r');
});

describe('replicas that tell their lag', () => {
  it('leave the reads when they are too late, and come back when they are not', () => {
    const scene = new Scene(null, ['p=primary', 'r=replica', 's=replica'], 1_000);
    scene.tells('s', { 'x-lag': '3' });
    scene.script.clock.advance(200);
    expect(scene.reads({})).toBe('r');
    scene.script.clock.advance(10_000);
    scene.tells('s', { 'x-lag': '10ms' });
    expect(scene.reads({})).toBe('rs');
  });

  it('are not looked at where nobody asks for it', () => {
    const script = new ExchangeScript({ endpoints: ['r=replica'], roles: {} });
    script.open().request({});
    script.endpoint('r').last.handler.onHead(responseHead(200, 'none', -1, { 'x-lag': '3' }));
    expect([...script.cluster.endpoints][0]!.freshness.lagAt(script.clock.now())).toBe(-1);
  });
});
