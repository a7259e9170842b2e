import { expect, it } from 'vitest';
import { SystemClock } from '../../src/base/clock-system.ts';
import { chooseSockets, SelfTest } from '../../src/net/choose-sockets.ts';
import { DataSockets } from '../../src/net/data-sockets.ts';
import { HandleSockets } from '../../src/net/handle-sockets.ts';
import { Output } from '../../src/net/output.ts';
import type { DialHandler, SocketHost } from '../../src/net/sockets.ts';
import type { Transport } from '../../src/net/transport.ts';
import { ManualClock } from '../support/manual-clock.ts';

const HOST: SocketHost = { output: new Output(), onBug: () => undefined };
const clock = new SystemClock();

it('takes handles when they work here, and streams when told to', async () => {
  expect((await chooseSockets('auto', HOST, clock)).kind).toBe('handle');
  expect((await chooseSockets('handle', HOST, clock)).kind).toBe('handle');
  expect((await chooseSockets('data', HOST, clock)).kind).toBe('data');
});

it('passes both kinds', async () => {
  expect(await new SelfTest(clock).run((host) => new HandleSockets(host))).toBe(null);
  expect(await new SelfTest(clock).run((host) => new DataSockets(host))).toBe(null);
});

it('finds sockets that change a byte', async () => {
  class Garbling extends DataSockets {
    override dial(host: string, port: number, handler: DialHandler): Transport {
      const { onBytes } = handler;
      handler.onBytes = (bytes) => {
        bytes[bytes.length - 1]! ^= 1;
        onBytes.call(handler, bytes);
      };
      return super.dial(host, port, handler);
    }
  }
  expect(await new SelfTest(clock).run((host) => new Garbling(host))).toMatch('bytes differ');
});

it('gives up on sockets that never answer', async () => {
  class Mute extends DataSockets {
    override dial(host: string, port: number, handler: DialHandler): Transport {
      handler.onConnect = () => undefined;
      return super.dial(host, port, handler);
    }
  }
  const manual = new ManualClock();
  const verdict = new SelfTest(manual).run((host) => new Mute(host));
  while (manual.armed === 0) await new Promise((resolve) => setImmediate(resolve));
  manual.advance(5_010);
  expect(await verdict).toBe('no end in time');
});
