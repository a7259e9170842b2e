import { dirname, resolve } from 'node:path';
import { readDocument } from '../document.ts';
import type { Environment } from '../environment.ts';
import { layerOf } from '../kv-keys.ts';
import type { KvText, Material } from '../material.ts';
import { valueAt } from '../paths.ts';
import type { PolicyTests } from './schema.ts';

/** Who is asked where nobody says it. */
const ANYBODY = 'caller';

/** What configurations are read with. */
export interface TestSurroundings {
  readonly env: Environment;
  /** Throws when there is no such file. */
  readFile(path: string): string;
}

/** A file that is named and cannot be read. */
export class MissingFile extends Error {}

/**
 * What the sidecar of one caller would have read: the file, and the documents that concern it, none of which has been
 * in force before.
 */
export function materialOf(
  tests: PolicyTests,
  testFile: string,
  caller: string | null,
  { env, readFile }: TestSurroundings,
): Material {
  const textOf = (path: string): string => {
    try {
      return readFile(resolve(dirname(testFile), path));
    } catch (error) {
      throw new MissingFile(`${testFile}: ${path} cannot be read: ${(error as Error).message}`);
    }
  };
  const local = tests.config === undefined ? null : textOf(tests.config);
  const name = caller ?? tests.caller ?? null;
  const asked = name ?? (local === null ? ANYBODY : serviceIn(local));
  const newest = Object.entries(tests.documents ?? {}).flatMap(([key, said]): KvText[] => {
    const layer = layerOf(key)!;
    if (layer.startsWith('caller/') && layer !== `caller/${asked}`) return [];
    const text = typeof said === 'string' ? textOf(said) : JSON.stringify(said, null, 2);
    return [{ layer, text, revision: '1', isCandidate: false }];
  });
  return {
    local: {
      source: tests.config ?? testFile,
      text: local ?? plainFile(name ?? ANYBODY),
      env,
      set: local !== null && name !== null ? [`service.name=${name}`] : [],
    },
    newest,
    good: [],
    chains: [],
    inForce: null,
  };
}

/** Says its name, takes what is asked by Host, and finds everybody in a Consul that is never asked. */
function plainFile(name: string): string {
  return JSON.stringify({
    service: { name, port: 8080 },
    outbound: { port: 15001 },
    consul: { address: 'http://127.0.0.1:8500' },
  });
}

/** As far as it can be told before anything is judged; what is wrong with the file is said by who settles it. */
function serviceIn(text: string): string | null {
  const document = readDocument(text, '');
  const value = Array.isArray(document) ? null : valueAt(document.value, ['service', 'name']);
  return typeof value === 'string' ? value : null;
}
