import { isDeepStrictEqual } from 'node:util';
import { z } from 'zod';
import { schemaAt } from './introspect.ts';
import { isMap } from './layers.ts';
import { type Path, valueAt } from './paths.ts';
import { contradictions } from './rules.ts';
import { configSchema } from './schema.ts';

/** What is left out may leave another default alone with what contradicts it. */
const MOST_ROUNDS = 4;

/**
 * Leaves out of a whole configuration the defaults that contradict what was said. A default that can never come to
 * anything contradicts nothing as long as nobody wrote it: `timeouts: { request: 3s }` leaves an `attempt` of 10 s that
 * never fires. Written out beside it, it would be refused. Read back without it, it is what it was.
 */
export function withoutIdleDefaults(shown: unknown): unknown {
  let rest = shown;
  for (let round = 0; round < MOST_ROUNDS; round++) {
    const read = configSchema.safeParse(rest);
    if (!read.success) return rest;
    const isIdle = (path: Path): boolean => valueAt(rest, path) !== undefined && isDefault(path, read.data);
    const idle = contradictions(read.data, rest).map(({ path, concerns }) => [path, ...concerns].find(isIdle) ?? null);
    const found = idle.filter((path) => path !== null);
    if (found.length === 0) return rest;
    rest = found.reduce(without, rest);
  }
  return rest;
}

function isDefault(path: Path, whole: unknown): boolean {
  const schema = schemaAt(configSchema, path);
  const unwritten = schema === null ? null : z.safeParse(schema, undefined);
  return unwritten?.success === true && isDeepStrictEqual(unwritten.data, valueAt(whole, path));
}

/** The same less one key. Items of lists stay: no default is one of them. */
function without(value: unknown, [step, ...rest]: Path): unknown {
  if (!isMap(value) || step === undefined) return value;
  return Object.fromEntries(
    Object.entries(value)
      .filter(([key]) => rest.length > 0 || key !== String(step))
      .map(([key, inner]) => [key, key === String(step) ? without(inner, rest) : inner]),
  );
}
