import { statSync } from 'node:fs';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import type { Clock } from '../base/clock.ts';
import { type Collector, type Sample, sample } from './registry.ts';

/** The process as it is at a scrape. Ten wake-ups a second are what watching the event loop costs. */
export function processSamples(clock: Clock, version: string): Collector {
  const startedAt = clock.now();
  const delay = monitorEventLoopDelay({ resolution: LOOP_SAMPLE_MS });
  delay.enable();
  return function* () {
    yield sample('remora_build_info', [version, process.versions.node], 1);
    yield sample('remora_uptime_seconds', [], (clock.now() - startedAt) / 1000);
    for (const quantile of ['0.5', '0.99', '1'] as const) {
      yield sample(
        'remora_event_loop_delay_seconds',
        [quantile],
        lateSeconds(delay.percentile(Number(quantile) * 100)),
      );
    }
    delay.reset();
    yield* memorySamples();
    const { user, system } = process.cpuUsage();
    yield sample('process_cpu_seconds_total', [], (user + system) / 1e6);
    const open = openFileDescriptors();
    if (open > 0) yield sample('process_open_fds', [], open);
  };
}

const LOOP_SAMPLE_MS = 100;

/** The histogram holds the time between two wake-ups, which is never shorter than what was asked for. */
function lateSeconds(nanoseconds: number): number {
  return Math.max(0, nanoseconds / 1e9 - LOOP_SAMPLE_MS / 1000);
}

function* memorySamples(): Generator<Sample> {
  const { rss, heapUsed, heapTotal, external } = process.memoryUsage();
  yield sample('remora_heap_bytes', ['used'], heapUsed);
  yield sample('remora_heap_bytes', ['total'], heapTotal);
  yield sample('remora_heap_bytes', ['external'], external);
  yield sample('process_resident_memory_bytes', [], rss);
}

/** Linux 6.2 and later give the count as the directory's size; listing thousands of entries would stall the loop. */
function openFileDescriptors(): number {
  return statSync('/proc/self/fd', { throwIfNoEntry: false })?.size ?? 0;
}
