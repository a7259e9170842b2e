import { connect } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { residentOf } from '../support/proc.mjs';

const CONNECTIONS = 1000;
const SETTLE_MS = 2000;

/** Resident memory of a fresh proxy, and again with a thousand connections that have made one request each and stay. */
export async function measureMemory(proxies) {
  const rows = new Map();
  for (const [name, { job, ports }] of proxies) {
    const idle = residentOf(job.pid);
    const sockets = [];
    // In groups, because the question is what an idle connection costs and not how a burst is survived.
    while (sockets.length < CONNECTIONS) {
      sockets.push(...(await Promise.all(Array.from({ length: 20 }, () => requestOnce(ports.http)))));
    }
    await delay(SETTLE_MS);
    const lost = sockets.filter((socket) => socket.destroyed || socket.readableEnded).length;
    const held = residentOf(job.pid);
    for (const socket of sockets) socket.destroy();
    if (lost > 0) throw new Error(`${name} closed ${lost} of ${CONNECTIONS} idle connections`);
    rows.set(name, { cost: held, idle });
  }
  return { rows, steal: 0 };
}

function requestOnce(port) {
  return new Promise((resolve, reject) => {
    const socket = connect(port, '127.0.0.1');
    let text = '';
    socket.write('GET /100b HTTP/1.1\r\nHost: orders\r\n\r\n');
    socket.on('error', reject);
    socket.setTimeout(10_000, () => socket.destroy(new Error('no answer in 10 s')));
    socket.on('data', (bytes) => {
      text += bytes.toString('latin1');
      const end = text.indexOf('\r\n\r\n');
      if (end < 0 || text.length < end + 4 + 100) return;
      if (!text.startsWith('HTTP/1.1 200')) return reject(new Error(text.slice(0, 200)));
      socket.setTimeout(0);
      resolve(socket);
    });
  });
}
