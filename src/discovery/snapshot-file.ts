import { readFileSync, statSync } from 'node:fs';
import type { ClusterSnapshot, EndpointSpec } from '../cluster/snapshot.ts';
import { replaceFile } from './whole-file.ts';

const VERSION = 1;
const MAX_BYTES = 32 * 1024 * 1024;
const HEALTHS: ReadonlySet<unknown> = new Set(['passing', 'warning', 'maintenance', 'critical']);
const ROLES: ReadonlySet<unknown> = new Set(['primary', 'replica', null, undefined]);

export interface SavedSnapshot {
  readonly snapshot: ClusterSnapshot;
  /** Milliseconds since 1970 at which Consul last vouched for it. */
  readonly vouchedWallMs: number;
}

export function saveSnapshot(path: string, saved: SavedSnapshot): Promise<void> {
  const { vouchedWallMs, snapshot } = saved;
  return replaceFile(path, JSON.stringify({ version: VERSION, vouchedWallMs, snapshot }));
}

/** Null when there is no file. Throws when there is one that cannot be used. */
export function loadSnapshot(path: string): SavedSnapshot | null {
  const size = statSync(path, { throwIfNoEntry: false })?.size;
  if (size === undefined) return null;
  if (size > MAX_BYTES) throw new Error(`it has ${size} bytes`);
  const read = JSON.parse(readFileSync(path, 'utf8')) as Partial<SavedSnapshot & { version: number }> | null;
  if (read?.version !== VERSION) throw new Error(`it has version ${String(read?.version)}, expected ${VERSION}`);
  const { snapshot, vouchedWallMs } = read;
  if (
    typeof vouchedWallMs !== 'number' ||
    typeof snapshot?.service !== 'string' ||
    !Array.isArray(snapshot.endpoints)
  ) {
    throw new Error('it is not a snapshot');
  }
  if (!snapshot.endpoints.every(isSpec)) throw new Error('it holds an endpoint that is none');
  const endpoints = snapshot.endpoints.map(({ lagMs: _old, ...spec }) => ({
    ...spec,
    priority: 0,
    role: spec.role ?? null,
  }));
  return { snapshot: { ...snapshot, endpoints, source: 'disk' }, vouchedWallMs };
}

function isSpec(value: unknown): value is EndpointSpec {
  if (typeof value !== 'object' || value === null) return false;
  const { id, host, port, weight, health, tags, meta, zone, role } = value as Record<string, unknown>;
  return (
    typeof id === 'string' &&
    typeof host === 'string' &&
    isWithin(port, 65_535) &&
    isWithin(weight, 65_535) &&
    HEALTHS.has(health) &&
    Array.isArray(tags) &&
    tags.every((tag) => typeof tag === 'string') &&
    typeof meta === 'object' &&
    meta !== null &&
    Object.values(meta).every((text) => typeof text === 'string') &&
    (zone === null || typeof zone === 'string') &&
    // Files of versions that knew no roles have none.
    ROLES.has(role)
  );
}

function isWithin(value: unknown, max: number): boolean {
  return typeof value === 'number' && Number.isInteger(value) && value >= 1 && value <= max;
}
