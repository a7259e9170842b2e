// A small service to put behind remora. It answers every GET with what it saw, and asks another service first when
// CALL is set. Nothing here knows of remora: it listens on one port and calls another, both on its own loopback.
//
//   NAME   what it calls itself
//   PORT   where it listens, on loopback
//   CALL   the URL it asks before it answers; empty for none
import { createServer, get } from 'node:http';

const { NAME = 'service', PORT = '8080', CALL = '' } = process.env;
const CALL_TIMEOUT_MS = 10_000;

// An application passes these on from what it was asked to what it asks: only it knows which belongs to which.
const PASSED_ON = ['traceparent', 'tracestate', 'baggage', 'x-request-id'];

const server = createServer(async (request, response) => {
  request.resume();
  const called = CALL === '' ? null : await call(request.headers);
  const status = called !== null && called.status !== 200 ? 502 : 200;
  response.writeHead(status, { 'content-type': 'application/json' });
  response.end(`${JSON.stringify({ service: NAME, path: request.url, headers: request.headers, called })}\n`);
});

function call(headers) {
  const passed = PASSED_ON.filter((name) => headers[name] !== undefined).map((name) => [name, headers[name]]);
  return new Promise((resolve) => {
    const request = get(CALL, { headers: Object.fromEntries(passed), timeout: CALL_TIMEOUT_MS }, async (response) => {
      let text = '';
      response.setEncoding('utf8').on('data', (part) => {
        text += part;
      });
      response.on('end', () => resolve({ status: response.statusCode, body: parsed(text) }));
      response.on('error', (error) => resolve({ status: 0, body: error.message }));
    });
    request.on('timeout', () => request.destroy(new Error('timeout')));
    request.on('error', (error) => resolve({ status: 0, body: error.message }));
  });
}

function parsed(text) {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

for (const signal of ['SIGTERM', 'SIGINT']) {
  process.once(signal, () => server.close(() => process.exit(0)));
}
server.listen(Number(PORT), '127.0.0.1', () => console.log(`${NAME} listens on 127.0.0.1:${server.address().port}`));
