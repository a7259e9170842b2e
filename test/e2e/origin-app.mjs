// A service that does as it is told: `node origin-app.mjs NAME PORT HOST BACKLOG`. What a request asks for stands in its query, what
// all requests get in the mode that its parent sets over IPC. `origin-app.ts` starts it and lists what can be asked.
//
// It says on stdout what it does with each request, named by its `x-id`: `begun`, `answered`, or `gone` when the other
// end left first. A line is written in the same turn of the event loop as what it tells, and so is its own death
// (`die`): what was said is exactly what was done.
import { createHash } from 'node:crypto';
import { writeSync } from 'node:fs';
import { createServer } from 'node:http';
import { pipeline, Readable } from 'node:stream';
import { WebSocketServer } from 'ws';

const [name, port, host, backlog] = process.argv.slice(2);
const BLOCK = 65_536;
let mode = '';
const held = [];
const sockets = new Set();

function say(...words) {
  writeSync(1, `${words.join(' ')}\n`);
}

/** As processes of this machine agree on it. */
function monotonicMs() {
  return (Number(process.hrtime.bigint()) / 1e6).toFixed(3);
}

let turn = 0;

/** With `each=N` the mode is for every N-th request alone. */
function wishOf(request) {
  const { searchParams } = new URL(request.url, 'http://origin');
  const ofAll = new URLSearchParams(mode);
  const isSpared = ofAll.has('each') && ++turn % Number(ofAll.get('each')) !== 0;
  return new URLSearchParams([...searchParams, ...(isSpared ? [] : ofAll)]);
}

function serve(request, response) {
  const wish = wishOf(request);
  const id = request.headers['x-id'] ?? '-';
  say('begun', id, request.method, monotonicMs(), request.headers['x-remora-attempt'] ?? '1', wish.get('tag') ?? '');
  let isAnswered = false;
  response.on('close', () => isAnswered || say('gone', id));
  const done = () => {
    isAnswered = true;
    say('answered', id);
  };
  response.setHeader('x-origin', name);
  response.setHeader('x-answers', id);
  request.on('error', () => undefined);
  if (wish.has('never')) return;
  if (wish.get('reset') === 'before') return request.socket.resetAndDestroy();
  if (wish.get('close') === 'before') return request.socket.destroy();
  if (wish.has('early')) {
    response.writeHead(Number(wish.get('early'))).end('early\n');
    return done();
  }
  if (wish.has('echo')) {
    const length = request.headers['content-length'];
    response.writeHead(200, length === undefined ? {} : { 'content-length': length });
    pipeline(request, response, (error) => error || done());
    return;
  }
  const digest = createHash('sha256');
  let received = 0;
  request.on('data', (bytes) => {
    received += bytes.length;
    digest.update(bytes);
  });
  request.on('end', () => {
    const seen = { bytes: received, digest: digest.digest('hex') };
    const go = () => response.destroyed || answer(request, response, wish, seen, done);
    if (wish.has('hold')) held.push(go);
    else if (wish.has('places')) work(wish, go);
    else if (wish.has('delay')) setTimeout(go, Number(wish.get('delay')));
    else go();
  });
}

/** So many at a time, for so long each; the others queue. What it can do is set by waiting, not by this machine's CPU. */
const queued = [];
let working = 0;
function work(wish, go) {
  queued.push(go);
  workOn(Number(wish.get('places')), Number(wish.get('delay')));
}

function workOn(places, ms) {
  if (working >= places || queued.length === 0) return;
  working++;
  const go = queued.shift();
  const since = performance.now();
  setTimeout(() => {
    working--;
    say('worked', Math.round(performance.now() - since));
    workOn(places, ms);
    go();
  }, ms);
}

function answer(request, response, wish, seen, done) {
  const { socket } = request;
  if (wish.has('hints')) response.writeEarlyHints({ link: '</style.css>; rel=preload' });
  if (wish.has('raw')) {
    socket.write(wish.get('raw').replaceAll('~', '\r\n'), 'latin1');
    return done();
  }
  const isCut = (wish.get('reset') ?? wish.get('close')) === 'middle';
  if (wish.get('until') === 'close') {
    socket.write('HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Type: text/plain\r\n\r\nuntil the very end');
    if (isCut) return setTimeout(() => socket.resetAndDestroy(), 20);
    socket.end();
    return done();
  }
  if (isCut || wish.has('stall')) return answerHalf(response, wish, socket);
  if (wish.has('bytes')) return answerBulk(request, response, wish, done);
  const status = Number(wish.get('status') ?? 200);
  const hasBody = status !== 204 && status !== 304;
  const { method, url, rawHeaders, trailers, httpVersion } = request;
  const body = JSON.stringify({ origin: name, method, url, rawHeaders, trailers, httpVersion, ...seen });
  if (wish.has('trailers')) {
    response.writeHead(status, { trailer: 'x-end' });
    response.write(body);
    response.addTrailers({ 'x-end': 'reached' });
    response.end();
  } else if (hasBody) {
    response.writeHead(status, { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) });
    response.end(body);
  } else {
    response.writeHead(status, { etag: '"1"' }).end();
  }
  done();
  if (wish.has('idle')) setTimeout(() => leaveIdle(socket), Math.random() * Number(wish.get('idle')));
}

/** The head and a half of what it promises. */
function answerHalf(response, wish, socket) {
  response.writeHead(200, wish.has('chunked') ? {} : { 'content-length': 2000 });
  response.write('x'.repeat(1000), () => {
    if (wish.has('stall')) return;
    if (wish.has('reset')) setImmediate(() => socket.resetAndDestroy());
    else socket.end();
  });
}

function answerBulk(request, response, wish, done) {
  const size = Number(wish.get('bytes'));
  const digest = digestOf(size);
  if (!wish.has('chunked')) response.writeHead(200, { 'content-length': size, 'x-digest': digest });
  else if (request.method !== 'HEAD') {
    response.writeHead(200, { trailer: 'x-digest' });
    response.addTrailers({ 'x-digest': digest });
  }
  if (wish.has('whole')) {
    response.end(wholeOf(size));
    return done();
  }
  pipeline(Readable.from(blocks(size), { objectMode: false }), response, (error) => error || done());
}

/** Bytes that differ from place to place, so that what is lost, doubled or moved shows in a digest. */
function* blocks(size) {
  for (let i = 0; i * BLOCK < size; i++) {
    made[i] ??= Buffer.alloc(BLOCK, `${i} remora `);
    yield made[i].subarray(0, size - i * BLOCK);
  }
}

const made = [];

const wholes = new Map();

/** All of it in memory, once for all who ask. */
function wholeOf(size) {
  if (!wholes.has(size)) wholes.set(size, Buffer.concat([...blocks(size)]));
  return wholes.get(size);
}

const digests = new Map();

function digestOf(size) {
  if (!digests.has(size)) {
    const digest = createHash('sha256');
    for (const block of blocks(size)) digest.update(block);
    digests.set(size, digest.digest('hex'));
  }
  return digests.get(size);
}

/** As a server whose patience ends between two requests. */
function leaveIdle(socket) {
  if (socket.isBusy) return;
  if (Math.random() < 0.5) socket.destroy();
  else socket.resetAndDestroy();
}

const server = createServer({ keepAliveTimeout: 60_000, requestTimeout: 0, headersTimeout: 0 }, (request, response) => {
  const { socket } = request;
  socket.isBusy = true;
  response.on('close', () => {
    socket.isBusy = false;
  });
  serve(request, response);
});
server.on('checkContinue', (request, response) => {
  if (wishOf(request).get('expect') === 'refuse') {
    response.writeHead(417, { 'x-origin': name }).end('not that much\n');
    return;
  }
  response.writeContinue();
  server.emit('request', request, response);
});
server.on('connection', (socket) => {
  sockets.add(socket);
  socket.on('error', () => undefined);
  socket.on('close', () => sockets.delete(socket));
});

const webSockets = new WebSocketServer({ noServer: true, maxPayload: 16 * 1024 * 1024 });
server.on('upgrade', (request, socket, head) => {
  const refusal = wishOf(request).get('refuse');
  say('begun', request.headers['x-id'] ?? '-', 'UPGRADE');
  if (refusal !== null) {
    socket.end(
      `HTTP/1.1 ${refusal} Refused\r\nContent-Length: 7\r\nConnection: close\r\nX-Origin: ${name}\r\n\r\nrefused`,
    );
    return;
  }
  webSockets.handleUpgrade(request, socket, head, (ws) => {
    ws.on('message', (data, isBinary) => {
      const text = isBinary ? '' : data.toString();
      if (text.startsWith('close ')) ws.close(Number(text.slice(6)), 'as asked');
      else if (text === 'terminate') ws.terminate();
      else ws.send(data, { binary: isBinary });
    });
    ws.on('ping', () => say('pinged'));
    ws.on('close', (code, reason) => say('closed', code, reason.toString()));
  });
});

process.on('message', ({ command, value }) => {
  if (command === 'die') process.kill(process.pid, 'SIGKILL');
  if (command === 'mode') mode = value;
  if (command === 'release') for (const go of held.splice(0)) go();
  if (command === 'hang_up') for (const socket of sockets) socket.destroy();
  say('done', command);
});
process.on('disconnect', () => process.exit());
server.listen(Number(port), host, Number(backlog), () => say('listening', server.address().port));
