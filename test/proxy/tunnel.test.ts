import { describe, expect, it } from 'vitest';
import { SeededRandom } from '../../src/base/random.ts';
import type { TunnelClientHandler, TunnelHandler } from '../../src/http/conduit.ts';
import { TunnelEntry } from '../../src/proxy/tunnel.ts';
import { ExchangeScript, FakeTunnelClient, type ScriptOptions } from '../support/exchange-script.ts';

const CLOSED = { admitted: 0, active: 0, parked: 0, timers: 0 };

function tunnelScript(options: ScriptOptions = {}): { script: ExchangeScript; open(): TunnelClientHandler } {
  const script = new ExchangeScript(options);
  const { clock, observer, router } = script;
  const entry = new TunnelEntry({ clock, random: new SeededRandom(1), instanceId: '', observer }, router);
  return { script, open: () => entry.open(new FakeTunnelClient(script)) };
}

describe('a tunnel', () => {
  it('splices both ends once the endpoint has accepted, and closes its books at the end', () => {
    const { script, open } = tunnelScript();
    open();
    script.clock.advance(20);
    const [tunnel] = script.endpoint('a').tunnels;
    tunnel!.onConnected();
    expect(script.books()).toMatchObject({ admitted: 1, active: 1 });
    tunnel!.onClose(10, 20, 0, null);
    expect(script.take()).toEqual([
      '0 a dial',
      '20 client splice 3600000',
      '20 tunnel closed in order up=10 down=20 attempts=1',
    ]);
    expect(script.books()).toEqual(CLOSED);
  });

  it('is cut when it has lasted as long as it may, and says what it carried', () => {
    const { script, open } = tunnelScript({ timeouts: { maxDurationMs: 1_000 } });
    open();
    script.endpoint('a').tunnels[0]!.onConnected();
    script.take();
    script.clock.advance(1_010);
    expect(script.take()).toEqual([
      '1000 a cut max_duration',
      '1000 tunnel closed max_duration up=0 down=0 attempts=1',
    ]);
    expect(script.books()).toEqual(CLOSED);
  });

  it('is given up when it has waited for its endpoint as long as it may last', () => {
    const { script, open } = tunnelScript({ timeouts: { maxDurationMs: 1_000 } });
    open();
    script.clock.advance(1_010);
    expect(script.take()).toEqual([
      '0 a dial',
      '1000 a abort',
      '1000 client refuse',
      '1000 tunnel closed max_duration up=0 down=0 attempts=1',
    ]);
    expect(script.books()).toEqual(CLOSED);
  });

  it('dials the next endpoint when one refuses, after a wait', () => {
    const { script, open } = tunnelScript();
    open();
    script.endpoint('a').tunnels[0]!.onFailure('connect_refused');
    script.clock.advance(100);
    script.endpoint('b').tunnels[0]!.onConnected();
    expect(script.take()).toEqual([
      '0 a dial',
      '0 retry after a connect_refused',
      '30 b dial',
      '100 client splice 3600000',
    ]);
  });

  it('refuses the client when no attempt is left', () => {
    const { script, open } = tunnelScript({ retry: { maxAttempts: 1 } });
    open();
    script.endpoint('a').tunnels[0]!.onFailure('connect_timeout');
    expect(script.take().slice(1)).toEqual([
      '0 client refuse',
      '0 tunnel closed connect_timeout up=0 down=0 attempts=1',
    ]);
    expect(script.books()).toEqual(CLOSED);
  });

  it('gives the dial up when the client goes', () => {
    const { script, open } = tunnelScript();
    const handler = open();
    handler.onClientGone('client_gone');
    handler.onClientGone('client_gone');
    expect(script.take()).toEqual(['0 a dial', '0 a abort', '0 tunnel closed client_gone up=0 down=0 attempts=1']);
    expect(script.books()).toEqual(CLOSED);
  });

  it('says why it ends before the splice', () => {
    const { script, open } = tunnelScript();
    open().onClientGone('draining');
    expect(script.take().at(-1)).toBe('0 tunnel closed draining up=0 down=0 attempts=1');
  });

  it('leaves the park when the client goes during a backoff', () => {
    const { script, open } = tunnelScript();
    const handler = open();
    script.endpoint('a').tunnels[0]!.onFailure('connect_refused');
    handler.onClientGone('client_gone');
    script.clock.advance(1000);
    expect(script.take().at(-1)).toBe('0 tunnel closed client_gone up=0 down=0 attempts=1');
    expect(script.books()).toEqual(CLOSED);
  });

  it('closes its books when a bug ends it in the middle of a dial', () => {
    const bugs: unknown[] = [];
    const { script, open } = tunnelScript({ onBug: (error) => bugs.push(error) });
    open();
    script.endpoint('a').tunnels[0]!.onFailure('connect_refused');
    script.endpoint('b').dial = () => {
      throw new Error('a bug');
    };
    script.clock.advance(100);
    expect(bugs).toEqual([new Error('a bug')]);
    expect(script.take().at(-1)).toContain('internal_error');
    expect(script.books()).toEqual(CLOSED);
  });

  it('is refused over the limit of the cluster', () => {
    const { script, open } = tunnelScript({ limits: { maxRequests: 1 } });
    open();
    open();
    expect(script.take().slice(1)).toEqual(['0 client refuse', '0 tunnel closed overloaded up=0 down=0 attempts=0']);
  });

  it('waits for the first answer of discovery, and not for ever', () => {
    const { script, open } = tunnelScript({ endpoints: null });
    open();
    script.clock.advance(1000);
    script.discover(['a']);
    expect(script.take()).toEqual(['1000 a dial']);

    const late = tunnelScript({ endpoints: null });
    late.open();
    late.script.clock.advance(3000);
    expect(late.script.take()).toEqual([
      '3000 client refuse',
      '3000 tunnel closed discovery_pending up=0 down=0 attempts=0',
    ]);
    expect(late.script.books()).toEqual(CLOSED);
  });
});

describe('the first second of a tunnel', () => {
  const ONE = { endpoints: ['a'], breaker: { consecutiveFailures: 2 } };
  const outcomes = (script: ExchangeScript): string =>
    script.cluster.endpoints[Symbol.iterator]().next().value!.gate.state;

  function connected(options: ScriptOptions) {
    const { script, open } = tunnelScript(options);
    const next = (): TunnelHandler => {
      open();
      const tunnel = script.endpoint('a').tunnels.at(-1)!;
      tunnel.onConnected();
      return tunnel;
    };
    return { script, next };
  }

  it('speaks against an endpoint that resets it without a word', () => {
    const { script, next } = connected(ONE);
    for (let i = 0; i < 2; i++) next().onClose(5, 0, 0, 'upstream_reset');
    expect(outcomes(script)).toBe('open');
    expect(script.books()).toEqual(CLOSED);
  });

  it('speaks for one that has said something, and for one that keeps it', () => {
    const { script, next } = connected(ONE);
    for (let i = 0; i < 3; i++) {
      const tunnel = next();
      tunnel.onFirstByteDown();
      tunnel.onClose(5, 1, 1, 'upstream_reset');
    }
    for (let i = 0; i < 3; i++) {
      const tunnel = next();
      script.clock.advance(1_000);
      tunnel.onClose(5, 0, 0, 'upstream_reset');
    }
    expect(outcomes(script)).toBe('closed');
    expect(script.books()).toEqual(CLOSED);
  });

  it('speaks for one that ended it in order, or whose client went away', () => {
    const { script, next } = connected(ONE);
    next().onClose(0, 0, 0, 'upstream_reset');
    next().onClose(0, 0, 0, null);
    next().onClose(0, 0, 0, 'upstream_reset');
    next().onClose(0, 0, 0, 'client_gone');
    next().onClose(0, 0, 0, 'upstream_reset');
    expect(outcomes(script)).toBe('closed');
  });
});

describe('a tunnel to a primary', () => {
  const NO_PRIMARY = ['a=replica', 'b=replica'];

  it('waits until there is one', () => {
    const { script, open } = tunnelScript({ endpoints: NO_PRIMARY, roles: {} });
    open();
    script.clock.advance(1_000);
    expect(script.take()).toEqual([]);
    script.discover(['a=replica', 'b=primary']);
    script.endpoint('b').tunnels[0]!.onConnected();
    script.endpoint('b').tunnels[0]!.onClose(1, 2, 0, null);
    expect(script.take()).toEqual([
      '1000 b dial',
      '1000 client splice 3600000',
      '1000 tunnel closed in order up=1 down=2 attempts=1',
    ]);
    expect(script.books()).toEqual(CLOSED);
  });

  it('waits when the primary refuses it and no attempt is left, and dials it again', () => {
    const { script, open } = tunnelScript({ endpoints: ['a=primary'], roles: {}, retry: { maxAttempts: 1 } });
    open();
    script.endpoint('a').tunnels[0]!.onFailure('connect_refused');
    script.clock.advance(260);
    expect(script.take()).toEqual(['0 a dial', '250 a dial']);
    script.endpoint('a').tunnels[1]!.onConnected();
    expect(script.hold.size).toBe(0);
  });

  it('is refused when its time is up, or when too many wait', () => {
    const { script, open } = tunnelScript({ endpoints: NO_PRIMARY, roles: { hold: { requests: 1 } } });
    open();
    open();
    expect(script.take()).toEqual(['0 client refuse', '0 tunnel closed park_full up=0 down=0 attempts=0']);
    script.clock.advance(10_010);
    expect(script.take().at(-1)).toMatch(/tunnel closed no_primary/);
    expect(script.books()).toEqual(CLOSED);
  });

  it('is not spliced to the old primary when there is another by the time it is connected', () => {
    const { script, open } = tunnelScript({ endpoints: ['a=primary', 'b=replica'], roles: {} });
    open();
    script.discover(['a=replica', 'b=primary']);
    script.endpoint('a').tunnels[0]!.onConnected();
    script.endpoint('b').tunnels[0]!.onConnected();
    expect(script.take()).toEqual(['0 a dial', '0 a abort', '0 b dial', '0 client splice 3600000']);
    script.endpoint('b').tunnels[0]!.onClose(1, 1, 0, null);
    expect(script.books()).toEqual(CLOSED);
  });

  it('is not dialled again and again to a primary whose cluster has been replaced', () => {
    const { script, open } = tunnelScript({ endpoints: ['a=primary'], roles: {} });
    open();
    script.cluster.supersede(null);
    for (const tunnel of script.endpoint('a').tunnels) tunnel.onConnected();
    expect(script.take()).toEqual(['0 a dial', '0 a retire', '0 a abort']);
    script.clock.advance(10_010);
    expect(script.take().at(-1)).toMatch(/tunnel closed no_primary/);
    expect(script.books()).toEqual(CLOSED);
  });

  it('takes no place among those in flight while it waits', () => {
    const { script, open } = tunnelScript({ endpoints: NO_PRIMARY, roles: {}, limits: { maxRequests: 1 } });
    open();
    open();
    expect(script.books()).toMatchObject({ admitted: 0, parked: 2 });
    script.discover(['a=primary']);
    expect(script.take().filter((line) => line.includes('dial'))).toEqual(['0 a dial']);
    expect(script.books()).toMatchObject({ admitted: 1, parked: 1 });
  });

  it('is let go when its client leaves', () => {
    const { script, open } = tunnelScript({ endpoints: NO_PRIMARY, roles: {} });
    open().onClientGone('client_gone');
    expect(script.books()).toEqual(CLOSED);
  });
});
