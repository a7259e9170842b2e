import { readKvDocument } from './kv-document.ts';
import { layerOfKey } from './kv-keys.ts';
import type { Layer } from './layers.ts';
import type { Problem } from './problems.ts';

/** What a service's own sidecars add or override for their calls. */
export function callerKey(service: string): string {
  return `remora/config/caller/${service}`;
}

const NOTHING = {
  env: {},
  secrets: { dir: null, allowEnv: [] },
  readFile: () => '',
  realPath: (path: string) => path,
};

/** One document by itself, which may refer to nothing on this machine. */
export function readKvLayer(key: string, text: string): Layer | Problem[] {
  const kv = { layer: layerOfKey(key) ?? 'mesh', text, revision: '0', isCandidate: false } as const;
  const read = readKvDocument(kv, NOTHING, new Map());
  return Array.isArray(read) ? read : read.source;
}
