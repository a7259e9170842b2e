import { setTimeout as delay } from 'node:timers/promises';
import { Load, monotonicMs } from '../e2e/load.ts';
import { OriginApp } from '../e2e/origin-app.ts';
import { residentOf } from '../support/proc.mjs';
import { startRemora } from '../support/remora.mjs';
import { figures } from './figures.ts';

const WARM_UP_MS = 3000;
const RATE = 300;
const SETTLE_MS = 2000;
/** Nothing is held back however many are unanswered. */
const UNBOUNDED = 100_000;
const NAMES = ['a', 'b', 'c'];

/** One run: warm up, a quiet quarter, a quarter with the fault, half of the time to recover. A fresh remora each time. */
export async function run(bench, fault, { seconds, rate, otlp, hole, upstream }) {
  const origins = await Promise.all(
    NAMES.map((name, i) => OriginApp.start(name, i === 0 ? (fault.origin?.(hole) ?? {}) : {})),
  );
  const endpoints = origins.map(({ address }) => address);
  const remora = await startRemora(bench, { endpoints, otlp, upstream });
  await delay(SETTLE_MS);
  const memory = watchMemory(remora.job.pid);
  const startedAt = monotonicMs();
  const load = new Load(remora.ports.http, { perSecond: rate ?? RATE, maxOutstanding: UNBOUNDED });

  await delay(WARM_UP_MS + seconds * 250);
  const faultAt = monotonicMs();
  const end = await fault.begin({ origins, remora, hole });
  await delay(seconds * 250);
  const remark = [(await end()) ?? []].flat();
  const endAt = monotonicMs();
  await delay(seconds * 500);

  const results = await load.stop();
  await delay(SETTLE_MS);
  const resident = memory.stop();
  if (remora.job.hasEnded) throw new Error(`remora ended during "${fault.name}"`);
  await bench.stop(remora.job);
  await Promise.all(origins.map((origin) => origin.kill()));
  const attempted = origins.flatMap((origin) => origin.attempted);
  const victims = NAMES.slice(0, fault.victims);
  const span = { from: startedAt + WARM_UP_MS, faultAt, endAt, victims, servers: NAMES.length };
  return { ...figures(results, attempted, span), ...resident, remark };
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
