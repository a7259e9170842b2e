import { totalmem } from 'node:os';
import { getHeapStatistics } from 'node:v8';

const MIB = 2 ** 20;

/** Of the old generation, unless it is told otherwise, the young one has three 64ths: as V8 sizes them from the memory of the machine. */
const OLD_OF_ALL = 64 / 67;

const SIZE = /--max[-_]old[-_]space[-_]size[= ](\d+)/g;
const PERCENTAGE = /--max[-_]old[-_]space[-_]size[-_]percentage[= ](\d+)/g;

/**
 * How much V8 lets the old generation have, whose end is the end of the process.
 *
 * Its own figure, `heap_size_limit`, has the young generation in it, of which `--max-old-space-size` says nothing: with 64
 * on a large machine it is 256 MiB, and the process ends when a quarter of that is in use.
 */
export function oldGenerationLimit(flags: string, heapSizeLimit: number, memory: number): number {
  const size = lastOf(SIZE, flags);
  if (size > 0) return size * MIB;
  const percentage = lastOf(PERCENTAGE, flags);
  return percentage > 0 ? (memory * percentage) / 100 : heapSizeLimit * OLD_OF_ALL;
}

/** The flags of this process, later ones counting: those of its command line after those of its environment. */
function flagsOf({ env, execArgv }: NodeJS.Process): string {
  return `${env['NODE_OPTIONS'] ?? ''} ${execArgv.join(' ')}`;
}

function lastOf(pattern: RegExp, flags: string): number {
  return Number([...flags.matchAll(pattern)].at(-1)?.[1] ?? 0);
}

/** A container may have less than its machine. */
function memoryOf(process: NodeJS.Process): number {
  const bound = process.constrainedMemory();
  return bound > 0 ? Math.min(bound, totalmem()) : totalmem();
}

/**
 * Reads the share of that limit which is in use: of all objects, since the young ones that live have to find room among the
 * old, and with garbage that is not collected yet, of which little is left near the limit.
 */
export function heapReader(): () => number {
  const limit = oldGenerationLimit(flagsOf(process), getHeapStatistics().heap_size_limit, memoryOf(process));
  return () => getHeapStatistics().used_heap_size / limit;
}
