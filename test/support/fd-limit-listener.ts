import { DataSockets } from '../../src/net/data-sockets.ts';
import { HandleSockets } from '../../src/net/handle-sockets.ts';
import { Listener } from '../../src/net/listener.ts';
import { Output } from '../../src/net/output.ts';
import type { SocketHost } from '../../src/net/sockets.ts';

/**
 * An echo behind a listener, to be run as a process of its own with few descriptors. Prints its port, and at each line
 * on its standard input how many connections are open and how much CPU it has used, in ms.
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
  onCount: () => undefined,
});
console.log(listener.port);
process.stdin.on('data', () => {
  const { user, system } = process.cpuUsage();
  console.log(JSON.stringify({ open: listener.openCount, cpuMs: (user + system) / 1000 }));
});
