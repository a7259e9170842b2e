import { setTimeout as delay } from 'node:timers/promises';
import { freePorts } from '../support/workbench.mjs';
import { toolFor } from './measure.mjs';

const WARM_UP_SECONDS = 4;
/** Bytes between two samples on average: about one in a hundred requests leaves one. */
const INTERVAL = 4096;

/** A port for a debugger, and the flag of Node that opens it there. */
export async function inspected() {
  const [port] = await freePorts(1);
  return { port, flags: [`--inspect=127.0.0.1:${port}`] };
}

/**
 * Bytes that one request leaves on the heap, and which functions left them: V8's sampling of allocations, with what was
 * collected meanwhile counted in, over the requests that were served meanwhile.
 */
export async function allocation(setup, measured, remora, inspectPort) {
  const load = toolFor(setup, measured);
  const { port, ...shape } = measured.load;
  const run = (seconds) => load.run({ ...shape, port: remora.ports[port], seconds });
  await run(WARM_UP_SECONDS);
  const session = await Session.open(inspectPort);
  const collected = { includeObjectsCollectedByMajorGC: true, includeObjectsCollectedByMinorGC: true };
  await session.ask('HeapProfiler.startSampling', { samplingInterval: INTERVAL, ...collected });
  const { requests } = await run(Math.max(5, setup.seconds));
  await delay(50);
  const { profile } = await session.ask('HeapProfiler.stopSampling');
  session.close();
  const functions = new Map();
  count(profile.head, functions);
  const list = [...functions]
    .map(([name, bytes]) => ({ name, bytes: bytes / requests }))
    .sort((a, b) => b.bytes - a.bytes);
  return { requests, bytes: list.reduce((sum, { bytes }) => sum + bytes, 0), functions: list };
}

function count({ callFrame, selfSize, children }, functions) {
  const name = nameOf(callFrame);
  functions.set(name, (functions.get(name) ?? 0) + selfSize);
  for (const child of children) count(child, functions);
}

function nameOf({ functionName, url }) {
  return `${functionName || '(anonymous)'}  ${url.replace(/^.*\/dist\//, '')}`;
}

/** A debugger's conversation. */
class Session {
  #socket;
  #asked = new Map();
  #last = 0;

  constructor(socket) {
    this.#socket = socket;
    socket.onmessage = ({ data }) => {
      const { id, result, error } = JSON.parse(data);
      const asked = this.#asked.get(id);
      this.#asked.delete(id);
      if (error !== undefined) asked?.reject(new Error(error.message));
      else asked?.resolve(result);
    };
  }

  static async open(port) {
    const [{ webSocketDebuggerUrl }] = await (await fetch(`http://127.0.0.1:${port}/json/list`)).json();
    const socket = new WebSocket(webSocketDebuggerUrl);
    await new Promise((resolve, reject) => {
      socket.onopen = resolve;
      socket.onerror = () => reject(new Error('remora cannot be inspected'));
    });
    return new Session(socket);
  }

  ask(method, params = {}) {
    this.#last += 1;
    const id = this.#last;
    return new Promise((resolve, reject) => {
      this.#asked.set(id, { resolve, reject });
      this.#socket.send(JSON.stringify({ id, method, params }));
    });
  }

  close() {
    this.#socket.close();
  }
}
