import { parseJsonMap, readCount, readList, readMap, readText } from './kv-json.ts';
import type { LayerName } from './kv-keys.ts';
import { decodeVerdict } from './rollout-text.ts';
import type { LayerStatus, SidecarStatus } from './sidecar-status.ts';

/** What a status may hold, so that no configuration makes it larger than a key should be. */
export const MAX_CALLS = 256;
/** One for each service that is called, and those of the mesh and of the caller. */
export const MAX_LAYERS = MAX_CALLS + 2;
export const MAX_PROBLEMS = 10;
/** Of all layers together; beyond it each has one, so that it is seen to be refused. */
const MAX_ALL_PROBLEMS = 100;
export const MAX_PROBLEM_LENGTH = 300;
export const MAX_RINGS = 256;
export const MAX_VERDICTS = 16;

export function encodeStatus(status: SidecarStatus): string {
  let left = MAX_ALL_PROBLEMS;
  const layers = status.layers.slice(0, MAX_LAYERS).map((layer) => {
    const problems = layer.problems.slice(0, Math.max(1, Math.min(MAX_PROBLEMS, left)));
    left -= problems.length;
    return { ...layer, problems: problems.map((problem) => problem.slice(0, MAX_PROBLEM_LENGTH)) };
  });
  return JSON.stringify({
    ...status,
    layers,
    calls: status.calls.slice(0, MAX_CALLS),
    verdicts: status.verdicts.slice(0, MAX_VERDICTS),
    rings: Object.fromEntries(Object.entries(status.rings).slice(0, MAX_RINGS)),
  });
}

/** Throws an `Error` that says in words what is wrong with it. */
export function decodeStatus(text: string): SidecarStatus {
  const found = parseJsonMap(text);
  const names = (key: string, most: number): readonly string[] => readList(found, key, most, (value) => String(value));
  return {
    service: readText(found, 'service'),
    instance: readText(found, 'instance'),
    version: readText(found, 'version'),
    startedAtMs: readCount(found, 'startedAtMs'),
    sinceMs: readCount(found, 'sinceMs'),
    layers: readList(found, 'layers', MAX_LAYERS, decodeLayer),
    calls: names('calls', MAX_CALLS),
    verdicts: readList(found, 'verdicts', MAX_VERDICTS, decodeVerdict).filter((verdict) => verdict !== null),
    rings: Object.fromEntries(
      Object.entries(readMap(found['rings'], 'rings')).map(([upstream, ring]) => [upstream, String(ring)]),
    ),
  };
}

function decodeLayer(value: unknown): LayerStatus {
  const found = readMap(value, 'a layer');
  const orNull = (key: string): string | null => (found[key] === null ? null : readText(found, key));
  return {
    layer: readText(found, 'layer') as LayerName,
    applied: orNull('applied'),
    seen: orNull('seen'),
    candidate: orNull('candidate'),
    problems: readList(found, 'problems', MAX_PROBLEMS, (problem) => String(problem)),
  };
}
