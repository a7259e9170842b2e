import { connect } from 'node:net';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { eventually } from '../support/eventually.ts';
import { Sidecar } from '../support/sidecar.ts';
import { App } from './mesh.ts';

const CLIENTS = 40;
const REQUEST = 'POST / HTTP/1.1\r\nHost: web\r\nContent-Length: 0\r\n\r\n';

/** How one client that keeps its connection, and retries nothing, saw its end. */
type End = 'announced' | 'closed_idle' | 'lost';

/** Asks again and again on one connection, with a pause of up to so long, until that ends. */
function askUntilClosed(port: number, pauseMs: number, onAnswer: () => void): Promise<End> {
  const socket = connect({ port, host: '127.0.0.1', noDelay: true });
  let isWaiting = false;
  let isAnnounced = false;
  let text = '';
  const ask = (): void => {
    if (socket.destroyed || isAnnounced) return;
    isWaiting = true;
    socket.write(REQUEST);
  };
  socket.on('connect', ask);
  // The close says it all.
  socket.on('error', () => undefined);
  socket.on('data', (bytes) => {
    text += bytes.toString('latin1');
    const end = text.indexOf('\r\n\r\n');
    const length = Number(/content-length: (\d+)/i.exec(text)?.[1] ?? 0);
    if (end < 0 || text.length < end + 4 + length) return;
    isWaiting = false;
    isAnnounced = /^connection: close/im.test(text.slice(0, end));
    text = '';
    onAnswer();
    setTimeout(ask, Math.random() * pauseMs);
  });
  return new Promise((resolve) => {
    socket.on('close', () => resolve(isAnnounced ? 'announced' : isWaiting ? 'lost' : 'closed_idle'));
  });
}

describe('an orderly stop, to clients with a kept connection and requests that cannot be repeated', () => {
  let app: App;
  let sidecar: Sidecar | null = null;

  beforeAll(async () => {
    app = await App.start('app');
  });

  afterEach(async () => {
    await sidecar?.kill();
    sidecar = null;
  });

  afterAll(() => app?.stop());

  const start = async (propagation: string): Promise<Sidecar> => {
    sidecar = await Sidecar.start({
      service: { name: 'web', port: app.port },
      inbound: { port: 0 },
      upstreams: { orders: { port: 0 } },
      static: { orders: [`127.0.0.1:${app.port}`] },
      shutdown: { propagation, timeout: '16s' },
    });
    return sidecar;
  };

  it.each([
    ['inbound', 'that are busy', '300ms', 20],
    ['inbound', 'that are quiet for most of a second', '0s', 900],
    ['orders', 'that are busy', '0s', 20],
  ])(
    'on %s costs those %s no request: each is told to close with an answer',
    async (listener, _, propagation, pauseMs) => {
      const running = await start(propagation);
      let answers = 0;
      const ends = Array.from({ length: CLIENTS }, () =>
        askUntilClosed(running.port(listener), pauseMs, () => answers++),
      );
      await eventually(() => answers > 2 * CLIENTS);
      expect(await running.stop()).toBe(0);
      expect(await Promise.all(ends)).toEqual(Array.from({ length: CLIENTS }, () => 'announced'));
      expect(running.hasEvent('shutdown_cuts_connections')).toBe(false);
    },
  );

  it('closes a connection without a request, after a short grace', async () => {
    const running = await start('0s');
    const idle = askUntilClosed(running.port('inbound'), 1e9, () => undefined);
    await eventually(async () => (await running.metric('remora_requests_total', { direction: 'inbound' })) === 1);
    const startedAt = performance.now();
    expect(await running.stop()).toBe(0);
    expect(await idle).toBe('closed_idle');
    expect(performance.now() - startedAt).toBeLessThan(6_000);
  });
});
