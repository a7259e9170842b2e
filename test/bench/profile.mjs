import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { cpuOf } from '../support/proc.mjs';
import { toolFor } from './measure.mjs';

const DRAIN_MS = 3000;

/** Flags that make Node write a CPU profile when it ends. */
export function profileFlags(bench) {
  return ['--cpu-prof', `--cpu-prof-dir=${bench.folder}`, '--cpu-prof-interval', '200'];
}

/**
 * Runs one case against remora alone and says where its time goes: functions by self time, counting only what was
 * seen while the load ran. The profiler counts wall-clock time: a call that wakes the other side and loses the core to
 * it looks dearer than it is, which is why the CPU time is told beside it. `(program)` is what is outside JavaScript.
 */
export async function profile(setup, measured, remora) {
  const { bench, seconds } = setup;
  const load = toolFor(setup, measured);
  const { port, ...shape } = measured.load;
  const run = (length) => load.run({ ...shape, port: remora.ports[port], seconds: length });
  await run(2);
  const from = nowUs();
  const before = cpuOf(remora.job.pid);
  const done = await run(Math.max(5, seconds));
  const to = nowUs();
  const after = cpuOf(remora.job.pid);
  // The first signal begins an orderly stop, the second ends it; either way the profile is written.
  remora.job.child.kill('SIGTERM');
  await Promise.race([remora.job.ended, delay(DRAIN_MS)]);
  await bench.stop(remora.job, DRAIN_MS);
  const file = readdirSync(bench.folder).find((name) => name.endsWith('.cpuprofile'));
  if (file === undefined) throw new Error('remora ended without writing its profile');
  const functions = selfTimes(JSON.parse(readFileSync(join(bench.folder, file), 'utf8')), from, to);
  const { requests } = done;
  const cost = { user: (after.user - before.user) / requests, system: (after.system - before.system) / requests };
  return { requests, cost, functions };
}

/** V8 stamps its samples with the same monotonic clock. */
function nowUs() {
  return Number(process.hrtime.bigint() / 1000n);
}

function selfTimes({ nodes, samples, timeDeltas, startTime }, from, to) {
  const names = new Map(nodes.map((node) => [node.id, nameOf(node.callFrame)]));
  const spent = new Map();
  let at = startTime;
  samples.forEach((id, i) => {
    at += timeDeltas[i];
    const name = names.get(id);
    if (at < from || at > to || name === '(idle)') return;
    spent.set(name, (spent.get(name) ?? 0) + timeDeltas[i]);
  });
  const total = [...spent.values()].reduce((sum, value) => sum + value, 0);
  return [...spent].map(([name, us]) => ({ name, us, share: us / total })).sort((a, b) => b.us - a.us);
}

function nameOf({ functionName, url, lineNumber }) {
  const name = functionName || '(anonymous)';
  if (url === '') return name;
  const file = url.replace(/^.*\/dist\//, '').replace(/^file:\/\//, '');
  return `${name}  ${file}:${lineNumber + 1}`;
}
