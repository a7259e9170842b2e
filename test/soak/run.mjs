import { setTimeout as delay } from 'node:timers/promises';
import { residentOf } from '../support/proc.mjs';
import { startRemora } from '../support/remora.mjs';
import { figures } from './figures.mjs';
import { OpenLoop } from './open-loop.mjs';
import { Origins, SMALL } from './origins.mjs';

const WARM_UP_MS = 3000;
const SETTLE_MS = 2000;
const UPSTREAM = { timeouts: { connect: '1s', attempt: '1s' } };

/** One run: warm up, a quiet quarter, a quarter with the fault, half of the time to recover. A fresh remora each time. */
export async function run(bench, fault, { seconds, rate, otlp }) {
  const origins = await Origins.start(bench);
  const remora = await startRemora(bench, { ports: origins.ports, otlp, upstream: UPSTREAM });
  await delay(SETTLE_MS);
  const memory = watchMemory(remora.job.pid);
  const load = new OpenLoop({ port: remora.ports.http, ...SMALL }, rate);

  await delay(WARM_UP_MS + seconds * 250);
  const faultAt = load.elapsedMs;
  const end = await fault.begin({ origins, remora });
  await delay(seconds * 250);
  const endAt = load.elapsedMs;
  const remark = (await end()) ?? [];
  await delay(seconds * 500);

  const records = await load.stop();
  await delay(SETTLE_MS);
  const resident = memory.stop();
  if (remora.job.hasEnded) throw new Error(`remora ended during "${fault.name}"`);
  await bench.stop(remora.job);
  await origins.stop();
  return { ...figures(records, { from: WARM_UP_MS, faultAt, endAt }), ...resident, remark };
}

function watchMemory(pid) {
  const idle = residentOf(pid);
  let peak = idle;
  const timer = setInterval(() => {
    peak = Math.max(peak, residentOf(pid));
  }, 200);
  return {
    stop() {
      clearInterval(timer);
      return { idle, peak, after: residentOf(pid) };
    },
  };
}
