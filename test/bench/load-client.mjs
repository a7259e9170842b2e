// A closed-loop HTTP/1.1 client for machines without wrk: `node load-client.mjs '{"port":1,"path":"/",...}'`.
import { connect } from 'node:net';

const { port, path, headers, connections, seconds } = JSON.parse(process.argv[2]);
const fields = Object.entries({ Host: `127.0.0.1:${port}`, ...headers }).map(
  ([name, value]) => `${name}: ${value}\r\n`,
);
const request = Buffer.from(`GET ${path} HTTP/1.1\r\n${fields.join('')}\r\n`);
const isOneShot = headers.Connection === 'close';

const startedAt = performance.now();
const endsAt = startedAt + seconds * 1000;
const latencies = [];
let requests = 0;
let errors = 0;
let open = connections;
for (let i = 0; i < connections; i++) run();

function run() {
  let sentAt = performance.now();
  let head = '';
  let left = -1; // of the body; -1 while the head is read
  const socket = connect(port, '127.0.0.1');
  socket.setNoDelay(true);
  socket.setTimeout(10_000, () => socket.destroy());
  socket.write(request);
  socket.on('data', (bytes) => {
    left = left < 0 ? openBody(bytes) : left - bytes.length;
    if (left !== 0) return;
    requests += 1;
    latencies.push(performance.now() - sentAt);
    if (performance.now() >= endsAt || isOneShot) return socket.destroy();
    head = '';
    left = -1;
    sentAt = performance.now();
    socket.write(request);
  });
  socket.on('error', () => {});
  socket.on('close', () => {
    const isWhole = left === 0;
    if (!isWhole) errors += 1;
    if (performance.now() < endsAt) return run();
    open -= 1;
    if (open === 0) report();
  });

  function openBody(bytes) {
    head += bytes.toString('latin1');
    const end = head.indexOf('\r\n\r\n');
    if (end < 0) return -1;
    if (!/^HTTP\/1\.1 2/.test(head)) errors += 1;
    const length = Number(/\r\ncontent-length: *(\d+)/i.exec(head)?.[1]);
    return length - (head.length - end - 4);
  }
}

function report() {
  latencies.sort((a, b) => a - b);
  const at = (share) => Math.round(1000 * (latencies[Math.floor(latencies.length * share)] ?? 0));
  const elapsed = (performance.now() - startedAt) / 1000;
  console.log(JSON.stringify({ requests, seconds: elapsed, errors, p50Us: at(0.5), p99Us: at(0.99) }));
}
