import type { Writable } from 'node:stream';

/**
 * Output whose reader may leave before its end, as `| head` does. What a command has begun is finished all the same: half
 * of a change is worse than a change that nobody reads about.
 */
export function withoutReader<T extends Writable>(out: T): T {
  return out.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE') throw error;
  });
}
