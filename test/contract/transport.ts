import { once } from 'node:events';
import { connect } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { HIGH_WATER_BYTES, Output } from '../../src/net/output.ts';
import { Slab } from '../../src/net/slab.ts';
import type { SocketHost, Sockets } from '../../src/net/sockets.ts';
import { makePair, type Pair, pattern, RecordingHandler, readBytes, type Side } from '../support/transport-pair.ts';

/** What every way to make transports must do, on both kinds of connection, against plain sockets of Node's. */
export function transportContract(name: string, make: (host: SocketHost) => Sockets): void {
  const bugs: unknown[] = [];
  const pairs: Pair[] = [];
  let output: Output;
  let sockets: Sockets;

  beforeEach(() => {
    bugs.length = 0;
    output = new Output();
    sockets = make({ output, onBug: (error) => bugs.push(error) });
  });

  afterEach(() => {
    for (const pair of pairs.splice(0)) pair.close();
  });

  async function open(side: Side): Promise<Pair> {
    const pair = await makePair(sockets, side);
    pairs.push(pair);
    return pair;
  }

  describe.each<Side>(['accepted', 'dialed'])(`${name} transport, %s`, (side) => {
    it('carries bytes both ways', async () => {
      const { transport, handler, peer } = await open(side);
      transport.resume();
      peer.write('ping');
      await handler.untilText('ping');
      expect(transport.write(Buffer.from('pong'))).toBe(true);
      expect((await readBytes(peer, 4)).toString()).toBe('pong');
    });

    it('begins paused and delivers what came meanwhile', async () => {
      const { transport, handler, peer } = await open(side);
      await written(peer, Buffer.from('early'));
      await settled();
      expect(handler.log).toEqual([]);
      transport.resume();
      await handler.untilText('early');
    });

    it('carries a megabyte each way at once, unchanged', async () => {
      const { transport, handler, peer } = await open(side);
      const up = pattern(1_048_576, 1);
      const down = pattern(1_048_576, 2);
      transport.resume();
      peer.write(up);
      void writeAll(transport, handler, down);
      const got = await readBytes(peer, down.length);
      await handler.until(() => handler.receivedBytes === up.length);
      expect(got.equals(down)).toBe(true);
      expect(Buffer.concat(handler.received).equals(up)).toBe(true);
    });

    it("reports the peer's FIN once, and still writes", async () => {
      const { transport, handler, peer } = await open(side);
      transport.resume();
      peer.end('last');
      await handler.untilLogged('end');
      transport.write(Buffer.from('answer'));
      transport.end();
      expect((await readBytes(peer, 6)).toString()).toBe('answer');
      await handler.untilLogged('close null');
      expect(handler.text).toBe('last');
      expect(handler.log).toEqual(['bytes', 'end', 'close null']);
    });

    it('ends its own direction and still reads', async () => {
      const { transport, handler, peer } = await open(side);
      transport.resume();
      transport.write(Buffer.from('request'));
      transport.end();
      transport.end();
      expect((await readBytes(peer, 7)).toString()).toBe('request');
      await ended(peer);
      peer.end('answer');
      await handler.untilLogged('close null');
      expect(handler.text).toBe('answer');
      expect(handler.log).toEqual(['bytes', 'end', 'close null']);
    });

    it('sends the FIN after what is pending', async () => {
      const { transport, peer } = await open(side);
      const bytes = pattern(4_194_304);
      transport.write(bytes);
      transport.end();
      expect(transport.pendingBytes).toBeGreaterThan(0);
      expect((await readBytes(peer, bytes.length)).equals(bytes)).toBe(true);
      await ended(peer);
    });

    it('reports a reset as the loss of that end', async () => {
      const { transport, handler, peer } = await open(side);
      transport.resume();
      peer.resetAndDestroy();
      const loss = side === 'accepted' ? 'client_gone' : 'upstream_reset';
      await handler.untilLogged(`close ${loss}`);
      expect(handler.log).toEqual([`close ${loss}`]);
    });

    it('reports a reset with bytes pending, and no drain', async () => {
      const { transport, handler, peer } = await open(side);
      transport.resume();
      expect(transport.write(pattern(8_388_608))).toBe(false);
      peer.resetAndDestroy();
      await handler.until(() => handler.log.length > 0);
      await settled();
      expect(handler.log).toEqual([side === 'accepted' ? 'close client_gone' : 'close upstream_reset']);
    });

    it('delivers nothing between pause and resume, and loses nothing', async () => {
      const { transport, handler, peer } = await open(side);
      const bytes = pattern(2_097_152);
      handler.react = () => transport.pause();
      transport.resume();
      peer.write(bytes);
      while (handler.receivedBytes < bytes.length) {
        const before = handler.received.length;
        await handler.until(() => handler.received.length > before);
        await settled();
        expect(handler.received.length).toBe(before + 1);
        transport.resume();
      }
      expect(Buffer.concat(handler.received).equals(bytes)).toBe(true);
    });

    it('keeps back the FIN while paused', async () => {
      const { transport, handler, peer } = await open(side);
      peer.end();
      await settled();
      expect(handler.log).toEqual([]);
      transport.resume();
      await handler.untilLogged('end');
    });

    it('answers false when full and drains once', async () => {
      const { transport, handler, peer } = await open(side);
      const bytes = pattern(8_388_608);
      expect(transport.write(bytes)).toBe(false);
      expect(transport.pendingBytes).toBeGreaterThanOrEqual(HIGH_WATER_BYTES);
      expect((await readBytes(peer, bytes.length)).equals(bytes)).toBe(true);
      await handler.untilLogged('drain');
      expect(transport.pendingBytes).toBe(0);
      expect(transport.write(Buffer.from('x'))).toBe(true);
      await settled();
      expect(handler.log).toEqual(['drain']);
    });

    it('holds a slab whose bytes are pending although write answered true', async () => {
      const { transport, handler, peer } = await open(side);
      fillKernel(transport);
      const slab = Slab.ofSize(64);
      expect(transport.write(slab.bytes.fill('a'))).toBe(true);
      expect(slab.isHeld).toBe(true);
      peer.resume();
      while (slab.isHeld) await settled();
      expect(slab.holdCount).toBe(0);
      expect(transport.pendingBytes).toBe(0);
      expect(handler.log).toEqual([]);
    });

    it('does not hold a slab that the kernel took at once', async () => {
      const { transport, peer } = await open(side);
      const slab = Slab.ofSize(64);
      expect(transport.write(slab.bytes.fill('b'))).toBe(true);
      expect(slab.isHeld).toBe(false);
      expect((await readBytes(peer, 64)).toString()).toBe('b'.repeat(64));
    });

    it('releases a held slab when it is destroyed', async () => {
      const { transport } = await open(side);
      const slab = Slab.ofSize(8_388_608);
      transport.write(slab.bytes);
      expect(slab.isHeld).toBe(true);
      transport.destroy(true);
      while (slab.isHeld) await settled();
      expect(slab.holdCount).toBe(0);
    });

    it('may pass lent bytes on to a peer that does not read, while more arrive', async () => {
      const from = await open(side);
      const to = await open(side);
      const other = await open(side);
      // Small pieces go through shared memory, large ones through private; both kinds interleave here.
      const bytes = Buffer.concat([pattern(3_000, 3), pattern(6_000_000, 4), pattern(3_000, 5), pattern(6_000_000, 6)]);
      from.handler.react = (piece) => {
        to.transport.write(piece);
        other.peer.write('noise that is read into the same shared memory');
      };
      from.transport.resume();
      other.transport.resume();
      for (let at = 0; at < bytes.length; at += 150_000) {
        await written(from.peer, bytes.subarray(at, at + 150_000));
        const expected = Math.min(bytes.length, at + 150_000);
        await from.handler.until(() => from.handler.receivedBytes === expected);
      }
      expect(to.transport.pendingBytes).toBeGreaterThan(0);
      expect((await readBytes(to.peer, bytes.length)).equals(bytes)).toBe(true);
    });

    it('delivers nothing after a destroy inside onBytes', async () => {
      const { transport, handler, peer } = await open(side);
      handler.react = () => transport.destroy(true);
      const reset = once(peer, 'error').then(([error]) => (error as NodeJS.ErrnoException).code);
      transport.resume();
      peer.write(pattern(500_000));
      peer.end();
      expect(['ECONNRESET', 'EPIPE']).toContain(await reset);
      await settled();
      expect(handler.log).toEqual(['bytes']);
      expect(handler.received.length).toBe(1);
      transport.destroy(false);
    });

    it('destroys with a FIN when no reset is asked for', async () => {
      const { transport, handler, peer } = await open(side);
      transport.destroy(false);
      await ended(peer);
      await settled();
      expect(handler.log).toEqual([]);
    });

    it('drops what is written after the close', async () => {
      const { transport, handler, peer } = await open(side);
      transport.resume();
      peer.resetAndDestroy();
      await handler.until(() => handler.log.length === 1);
      expect(transport.write(Buffer.from('late'))).toBe(false);
      transport.pause();
      transport.resume();
      transport.end();
      transport.destroy(true);
      await settled();
      expect(handler.log.length).toBe(1);
    });

    it('finds a lost connection by writing, even while paused, and says so later', async () => {
      const { transport, handler, peer } = await open(side);
      peer.resetAndDestroy();
      while (!handler.log.some((line) => line.startsWith('close'))) {
        handler.forbidden = true;
        transport.write(Buffer.from('x'));
        handler.forbidden = false;
        await settled();
      }
      expect(handler.log).toEqual([side === 'accepted' ? 'close client_gone' : 'close upstream_reset']);
    });

    it('finds a reset while paused when it is asked to look, and says so later', async () => {
      const { transport, handler, peer } = await open(side);
      peer.write('unread');
      peer.resetAndDestroy();
      while (!handler.log.some((line) => line.startsWith('close'))) {
        handler.forbidden = true;
        transport.probe();
        handler.forbidden = false;
        await settled();
      }
      expect(handler.log).toEqual([side === 'accepted' ? 'close client_gone' : 'close upstream_reset']);
      transport.probe();
      expect(handler.log).toHaveLength(1);
    });

    it('looks without a trace at a connection that lives', async () => {
      const { transport, handler, peer } = await open(side);
      transport.probe();
      transport.write(pattern(8_388_608));
      transport.probe();
      expect((await readBytes(peer, 8_388_608)).equals(pattern(8_388_608))).toBe(true);
      await handler.until(() => handler.log.length > 0);
      transport.probe();
      transport.end();
      transport.probe();
      await ended(peer);
      expect(peer.readableLength).toBe(0);
      expect(handler.log).toEqual(['drain']);
      transport.destroy(false);
      transport.probe();
    });

    it('delivers no event inside a call', async () => {
      const { transport, handler, peer } = await open(side);
      peer.write('there already');
      await settled();
      handler.forbidden = true;
      transport.resume();
      transport.write(Buffer.from('x'));
      transport.end();
      handler.forbidden = false;
      peer.end();
      await handler.untilLogged('close null');
      expect(handler.log).toEqual(['bytes', 'end', 'close null']);
    });

    it('loses only its own connection to a handler that throws', async () => {
      const broken = await open(side);
      const sound = await open(side);
      broken.handler.react = () => {
        throw new Error('a bug');
      };
      broken.transport.resume();
      sound.transport.resume();
      broken.peer.write('x');
      await broken.handler.untilLogged('close internal_error');
      expect(bugs.map(String)).toEqual(['Error: a bug']);
      sound.peer.write('y');
      await sound.handler.untilText('y');
    });

    it('keeps the order of what is gathered and what is written', async () => {
      const { transport, peer } = await open(side);
      output.send(transport, Buffer.from('1'));
      transport.write(Buffer.from('2'));
      output.send(transport, Buffer.from('3'));
      output.send(transport, Buffer.from('4'));
      transport.end();
      expect((await readBytes(peer, 4)).toString()).toBe('1234');
      await ended(peer);
    });

    it('flushes at the end of the turn what was gathered in it', async () => {
      const from = await open(side);
      const to = await open(side);
      from.handler.react = (bytes) => void output.send(to.transport, bytes);
      from.transport.resume();
      from.peer.write('across');
      expect((await readBytes(to.peer, 6)).toString()).toBe('across');
    });
  });

  describe(`${name} sockets`, () => {
    it('reports a refused connection later, and nothing else', async () => {
      const server = await sockets.listen('127.0.0.1', 0, NOBODY);
      server.close();
      await settled();
      const handler = new RecordingHandler();
      handler.forbidden = true;
      sockets.dial('127.0.0.1', server.port, handler);
      handler.forbidden = false;
      await handler.until(() => handler.log.length > 0);
      expect(handler.log).toEqual(['close connect_refused']);
    });

    it('reports an address that cannot be reached', async () => {
      const handler = new RecordingHandler();
      sockets.dial('255.255.255.255', 9, handler);
      await handler.until(() => handler.log.length > 0);
      expect(handler.log).toEqual(['close connect_failed']);
    });

    it('forgets a connection that is destroyed while it opens', async () => {
      const server = await sockets.listen('127.0.0.1', 0, NOBODY);
      const handler = new RecordingHandler();
      sockets.dial('127.0.0.1', server.port, handler).destroy(true);
      await settled();
      await settled();
      expect(handler.log).toEqual([]);
      server.close();
    });

    it('connects over IPv6', async () => {
      const handler = new RecordingHandler();
      let from = '';
      const server = await sockets.listen('::1', 0, {
        ...NOBODY,
        onAccept(_, address) {
          from = address;
          return handler;
        },
      });
      const dialed = new RecordingHandler();
      const transport = sockets.dial('::1', server.port, dialed);
      await dialed.untilLogged('connect');
      transport.destroy(true);
      server.close();
      expect(from).toBe('::1');
    });

    it('refuses to listen on a port in use', async () => {
      const server = await sockets.listen('127.0.0.1', 0, NOBODY);
      expect(server.port).toBeGreaterThan(0);
      expect(server.address).toBe('127.0.0.1');
      await expect(sockets.listen('127.0.0.1', server.port, NOBODY)).rejects.toMatchObject({ code: 'EADDRINUSE' });
      server.close();
      server.close();
    });

    it('resets a connection that is not wanted and releases each once', async () => {
      let released = 0;
      let wanted = false;
      const handler = new RecordingHandler();
      const server = await sockets.listen('127.0.0.1', 0, {
        onAccept: () => (wanted ? handler : null),
        onReleased: () => released++,
        onAcceptError: () => undefined,
      });
      const first = connect(server.port, '127.0.0.1');
      const [error] = (await once(first, 'error')) as [NodeJS.ErrnoException];
      expect(error.code).toBe('ECONNRESET');
      expect(released).toBe(1);
      wanted = true;
      const second = connect(server.port, '127.0.0.1');
      await once(second, 'connect');
      second.destroy();
      server.close();
    });
  });
}

const NOBODY = {
  onAccept: () => new RecordingHandler(),
  onReleased: () => undefined,
  onAcceptError: () => undefined,
};

/** Lets everything that is ready on this machine happen: several turns of the loop, since loopback needs one per hop. */
async function settled(): Promise<void> {
  for (let i = 0; i < 8; i++) await new Promise((resolve) => setTimeout(resolve, 1));
}

function written(peer: Pair['peer'], bytes: Buffer): Promise<void> {
  return new Promise((resolve) => peer.write(bytes, () => resolve()));
}

async function ended(peer: Pair['peer']): Promise<void> {
  if (peer.readableEnded) return;
  peer.resume();
  await once(peer, 'end');
}

async function writeAll(transport: Pair['transport'], handler: RecordingHandler, bytes: Buffer): Promise<void> {
  for (let at = 0; at < bytes.length; at += 100_000) {
    const drains = handler.log.filter((line) => line === 'drain').length;
    if (transport.write(bytes.subarray(at, at + 100_000))) continue;
    await handler.until(() => handler.log.filter((line) => line === 'drain').length > drains);
  }
}

/** Writes small pieces until one stays pending. */
function fillKernel(transport: Pair['transport']): void {
  const piece = Buffer.alloc(16_384, 'k');
  while (transport.pendingBytes === 0) transport.write(piece);
}
