import { DataSockets } from '../../src/net/data-sockets.ts';
import { HandleSockets } from '../../src/net/handle-sockets.ts';
import { Listener } from '../../src/net/listener.ts';
import { Output } from '../../src/net/output.ts';
import type { SocketHost } from '../../src/net/sockets.ts';

/**
 * An echo behind a listener, to be run as a process of its own with few descriptors. Prints its port, and for each line
 * on its standard input how many connections are open and how much CPU it has used, in ms. `dial` has it open more
 * connections than it can have, and prints what became of the last.
 */
const host: SocketHost = { output: new Output(), onBug: (error) => console.error(error) };
const sockets = process.argv[2] === 'data' ? new DataSockets(host) : new HandleSockets(host);
const options = { name: 'few', address: '127.0.0.1', port: 0, maxConnections: 1_000 };
const listener = await Listener.open(sockets, host, options, {
  onConnection(transport) {
    transport.resume();
    return {
      onBytes: (bytes) => void transport.write(bytes),
      onEnd: () => transport.end(),
      onDrain: () => undefined,
      onClose: () => undefined,
    };
  },
  onRefused: () => undefined,
  onCount: () => undefined,
});
console.log(listener.port);
process.stdin.on('data', (line) => {
  if (String(line).startsWith('dial')) return dialMany();
  const { user, system } = process.cpuUsage();
  console.log(JSON.stringify({ open: listener.openCount, cpuMs: (user + system) / 1000 }));
});

function dialMany(): void {
  const ignored = () => undefined;
  const handler = { onConnect: ignored, onBytes: ignored, onEnd: ignored, onDrain: ignored };
  for (let i = 0; i < 200; i++) {
    const onClose = (code: string | null): void => {
      if (i === 199) console.log(code);
    };
    sockets.dial('127.0.0.1', listener.port, { ...handler, onClose });
  }
}
