import { setTimeout as delay } from 'node:timers/promises';
import { cpuOf, median, stealOf } from '../support/proc.mjs';
import { verify } from './verify.mjs';

const WARM_UP_SECONDS = 2;

/**
 * One case over all proxies: CPU time per request, as the median of interleaved samples.
 *
 * Everything shares one core, so nothing is waiting to be woken on another one; and CPU time, unlike throughput,
 * does not care what else has run on it. The order is reversed every round, so that whatever drifts (the host,
 * its clock speed) falls on every proxy alike.
 */
export async function measure(setup, measured, proxies) {
  const { core, bodies, rounds, seconds } = setup;
  const load = toolFor(setup, measured);
  const samples = new Map();
  for (const [name, proxy] of proxies) {
    await verify(name, proxy, measured, bodies);
    await sample(proxy, WARM_UP_SECONDS);
    samples.set(name, []);
  }
  const before = stealOf(core);
  const order = [...proxies];
  for (let round = 0; round < rounds; round++) {
    for (const [name, proxy] of order) samples.get(name).push(await sample(proxy, seconds));
    order.reverse();
  }
  const after = stealOf(core);
  const steal = (after.stolen - before.stolen) / Math.max(1, after.total - before.total);
  return { rows: new Map([...samples].map(([name, list]) => [name, summary(list)])), steal };

  async function sample(proxy, length) {
    const { port, ...shape } = measured.load;
    const start = cpuOf(proxy.job.pid);
    const done = await load.run({ ...shape, port: proxy.ports[port], seconds: length });
    await delay(20); // the connections of the load are being closed
    const end = cpuOf(proxy.job.pid);
    if (done.errors > 0 || done.requests === 0) {
      throw new Error(`${proxy.job.name}: ${done.errors} errors in ${done.requests} requests`);
    }
    const user = (end.user - start.user) / done.requests;
    const system = (end.system - start.system) / done.requests;
    return {
      user,
      system,
      cost: user + system,
      rate: done.requests / done.seconds,
      p50Us: done.p50Us,
      p99Us: done.p99Us,
    };
  }
}

export function toolFor(setup, measured) {
  return measured.load.port === 'h2' ? setup.h2 : setup.load;
}

function summary(samples) {
  const of = (key) => median(samples.map((sample) => sample[key]));
  return { ...Object.fromEntries(Object.keys(samples[0]).map((key) => [key, of(key)])), samples };
}
