import type { z } from 'zod';
import { kindOf, schemaAt, scopesWithin } from './introspect.ts';
import { isMap } from './layers.ts';
import type { Path } from './paths.ts';
import { describe, type Finding } from './problems.ts';
import { configSchema } from './schema.ts';

/**
 * What a document from Consul may not say: anything of scope `local`, by value or by deleting what holds it. Whoever
 * may write to the KV store must not thereby be able to open a port, read a secret or point a sidecar at another
 * Consul. `root` is where the document lies in a file: a service's has the shape of an upstream.
 */
export function refuseLocal(value: unknown, root: Path = []): Finding[] {
  if (!isMap(value)) {
    return [{ path: root, at: 'value', found: describe(value), expected: 'a map', hint: '{} says nothing' }];
  }
  return localIn(value, root);
}

function localIn(value: unknown, path: Path): Finding[] {
  const schema = schemaAt(configSchema, path);
  if (schema === null) return []; // an unknown key, which the schema reports
  const scopes = scopesWithin(schema);
  if (!scopes.has('local')) return [];
  if (scopes.has('mesh') && isMap(value) && hasKeys(schema)) {
    return Object.entries(value).flatMap(([key, inner]) => localIn(inner, [...path, key]));
  }
  const hint = 'set it on the machine itself, in the file or with --set';
  return [{ path, at: 'key', found: 'a local setting', expected: 'settings of scope mesh only', hint }];
}

function hasKeys(schema: z.core.$ZodType): boolean {
  const { kind } = kindOf(schema);
  return kind === 'map' || kind === 'record';
}
