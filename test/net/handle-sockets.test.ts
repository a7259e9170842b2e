import { expect, it } from 'vitest';
import { HandleSockets } from '../../src/net/handle-sockets.ts';
import { Output } from '../../src/net/output.ts';
import { transportContract } from '../contract/transport.ts';
import { makePair } from '../support/transport-pair.ts';

transportContract('handle', (host) => new HandleSockets(host));

it('delivers what the peer sent before it reset the connection, although a write has failed', async () => {
  const sockets = new HandleSockets({ output: new Output(), onBug: () => undefined });
  const { transport, handler, peer, close } = await makePair(sockets, 'dialed');
  await new Promise<void>((resolve) => peer.write('too large', () => resolve()));
  peer.resetAndDestroy();
  await new Promise((resolve) => peer.once('close', resolve));
  transport.resume();
  expect(transport.write(Buffer.from('the rest'))).toBe(false);
  await handler.untilLogged('close upstream_reset');
  expect(handler.text).toBe('too large');
  close();
});
