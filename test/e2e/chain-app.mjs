// A service in the middle of a chain: `node chain-app.mjs`. It asks the next one, on the port that its parent tells it
// over IPC, and gives back the status; the last has none and answers 503. Like most applications it passes W3C trace
// context on and knows nothing of who carries its requests.
import { Agent, createServer, request } from 'node:http';

const CONTEXT = ['traceparent', 'tracestate'];
const agent = new Agent({ keepAlive: true });
let next = 0;
let count = 0;

const server = createServer({ keepAliveTimeout: 60_000 }, (asked, answer) => {
  count += 1;
  asked.resume();
  if (next === 0) return answer.writeHead(503).end();
  const known = CONTEXT.filter((name) => name in asked.headers);
  const headers = Object.fromEntries(known.map((name) => [name, asked.headers[name]]));
  const onward = request({ host: '127.0.0.1', port: next, path: asked.url, headers, agent });
  onward.on('response', (given) => {
    given.resume();
    given.on('end', () => answer.writeHead(given.statusCode).end());
    given.on('error', () => answer.destroy());
  });
  onward.on('error', () => answer.writeHead(502).end());
  onward.end();
});

process.on('message', ({ command, value }) => {
  if (command === 'next') next = value;
  process.send({ count });
  if (command === 'restart') count = 0;
});
process.on('disconnect', () => process.exit());
server.listen(0, '127.0.0.1', 1024, () => process.send({ port: server.address().port }));
