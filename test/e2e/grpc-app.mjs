// A gRPC service that does as its calls ask: `node grpc-app.mjs NAME PORT OPTIONS`. Messages are JSON; what a call wants
// stands in its first message. `grpc-app.ts` starts it and lists what can be asked.
//
// As `origin-app.mjs`, it says on stdout what it does with each call in the turn in which it does it, and dies in a turn
// of its own: what was said is exactly what was done.
import { writeSync } from 'node:fs';
import { Metadata, Server, ServerCredentials } from '@grpc/grpc-js';

const [name, port, options] = process.argv.slice(2);
const held = [];
const toJson = (value) => Buffer.from(JSON.stringify(value));
const fromJson = (bytes) => JSON.parse(bytes.toString());

function say(...words) {
  writeSync(1, `${words.join(' ')}\n`);
}

function method(kind, requestStream, responseStream) {
  const codec = { requestSerialize: toJson, requestDeserialize: fromJson };
  const answers = { responseSerialize: toJson, responseDeserialize: fromJson };
  return { path: `/remora.test.Echo/${kind}`, requestStream, responseStream, ...codec, ...answers };
}

const SERVICE = {
  Unary: method('Unary', false, false),
  Collect: method('Collect', true, false),
  Expand: method('Expand', false, true),
  Talk: method('Talk', true, true),
};

/** Says that it has begun; what is called when it is done says that. */
function begin(call, kind, wish) {
  const id = wish.id;
  let isOver = false;
  say('begun', id, kind);
  call.on('cancelled', () => {
    if (!isOver) say('cancelled', id);
    isOver = true;
  });
  if (wish.head !== undefined) call.sendMetadata(fieldsOf(wish.head));
  return () => {
    if (!isOver) say('answered', id);
    isOver = true;
  };
}

function fieldsOf(wish) {
  const fields = new Metadata();
  for (const [field, value] of Object.entries(wish)) {
    fields.add(field, field.endsWith('-bin') ? Buffer.from(value, 'base64') : value);
  }
  return fields;
}

function seenBy(call) {
  const fields = {};
  for (const field of Object.keys(call.metadata.getMap())) {
    fields[field] = call.metadata
      .get(field)
      .map((value) => (Buffer.isBuffer(value) ? value.toString('base64') : value));
  }
  const deadline = call.getDeadline();
  return {
    server: name,
    peer: call.getPeer(),
    fields,
    leftMs: Number.isFinite(Number(deadline)) ? Number(deadline) - Date.now() : null,
  };
}

function errorOf({ fail, trailers }) {
  const [code, details] = fail;
  return { code, details, metadata: fieldsOf(trailers ?? {}) };
}

/** When it is time: at once, after a delay, at `release`, or never. */
function inTime(wish, go) {
  if (wish.never) return;
  if (wish.hold) held.push(go);
  else if (wish.delay) setTimeout(go, wish.delay);
  else go();
}

const handlers = {
  Unary(call, answer) {
    const wish = call.request;
    const done = begin(call, 'unary', wish);
    inTime(wish, () => {
      done();
      if (wish.fail) return answer(errorOf(wish));
      const reply = { ...seenBy(call), got: wish.pad?.length ?? 0, pad: 'y'.repeat(wish.bytes ?? 0) };
      answer(null, reply, fieldsOf(wish.trailers ?? {}));
    });
  },
  Collect(call, answer) {
    let wish = null;
    let done = null;
    let count = 0;
    let got = 0;
    call.on('data', (message) => {
      if (wish === null) {
        wish = message;
        done = begin(call, 'collect', wish);
      }
      count += 1;
      got += message.pad?.length ?? 0;
    });
    call.on('error', () => undefined);
    call.on('end', () =>
      inTime(wish ?? {}, () => {
        done?.();
        if (wish?.fail) return answer(errorOf(wish));
        answer(null, { ...seenBy(call), count, got });
      }),
    );
  },
  Expand(call) {
    const wish = call.request;
    const done = begin(call, 'expand', wish);
    let at = 0;
    const end = () => {
      done();
      if (wish.fail) call.emit('error', errorOf(wish));
      else call.end(fieldsOf(wish.trailers ?? {}));
    };
    const step = () => {
      if (call.cancelled) return;
      if (at === (wish.count ?? 3)) return inTime(wish, end);
      at += 1;
      const hasRoom = call.write({ server: name, at, pad: 'z'.repeat(wish.bytes ?? 0) });
      if (!hasRoom) {
        say('full', wish.id, at);
        call.once('drain', step);
      } else if (wish.every) setTimeout(step, wish.every);
      else setImmediate(step);
    };
    step();
  },
  Talk(call) {
    let wish = null;
    let done = null;
    let count = 0;
    call.on('data', (message) => {
      if (wish === null) {
        wish = message;
        done = begin(call, 'talk', wish);
      }
      count += 1;
      if (wish.never || call.write({ server: name, at: count, pad: message.pad ?? '' })) return;
      call.pause();
      call.once('drain', () => call.resume());
    });
    call.on('error', () => undefined);
    call.on('end', () =>
      inTime(wish ?? {}, () => {
        done?.();
        if (wish?.fail) call.emit('error', errorOf(wish));
        else call.end();
      }),
    );
  },
};

const server = new Server({ 'grpc.max_receive_message_length': 64 * 1024 * 1024, ...JSON.parse(options ?? '{}') });
server.addService(SERVICE, handlers);

// gRPC's health protocol, byte for byte: field 1 of the answer is 1 (SERVING) until the parent says another number.
let servingState = 1;
const asBytes = (bytes) => bytes;
server.addService(
  {
    Check: {
      path: '/grpc.health.v1.Health/Check',
      requestStream: false,
      responseStream: false,
      requestSerialize: asBytes,
      requestDeserialize: asBytes,
      responseSerialize: asBytes,
      responseDeserialize: asBytes,
    },
  },
  {
    Check(call, answer) {
      say('checked', call.request.subarray(2).toString() || '-');
      answer(null, Buffer.from([8, servingState]));
    },
  },
);

process.on('message', ({ command, value }) => {
  if (command === 'serving') servingState = value;
  if (command === 'die') process.kill(process.pid, 'SIGKILL');
  if (command === 'release') for (const go of held.splice(0)) go();
  // GOAWAY to all; what runs goes on to its end, and then the process has nothing to live for.
  if (command === 'leave') server.tryShutdown(() => process.exit(0));
  say('done', command);
});
process.on('disconnect', () => process.exit());
server.bindAsync(`127.0.0.1:${port}`, ServerCredentials.createInsecure(), (error, bound) => {
  if (error !== null) throw error;
  say('listening', bound);
});
