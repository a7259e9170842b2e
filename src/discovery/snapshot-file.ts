import { readFileSync, statSync } from 'node:fs';
import { mkdir, open, rename, unlink } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { ClusterSnapshot, EndpointSpec } from '../cluster/snapshot.ts';

const VERSION = 1;
const MAX_BYTES = 32 * 1024 * 1024;
const HEALTHS: ReadonlySet<unknown> = new Set(['passing', 'warning', 'maintenance', 'critical']);
const ROLES: ReadonlySet<unknown> = new Set(['primary', 'replica', null, undefined]);

export interface SavedSnapshot {
  readonly snapshot: ClusterSnapshot;
  /** Milliseconds since 1970 at which Consul last vouched for it. */
  readonly vouchedWallMs: number;
}

let writes = 0;

/**
 * Replaces the file whole or not at all: readable by its owner only, on the disk before it takes the old one's place.
 */
export async function saveSnapshot(path: string, saved: SavedSnapshot): Promise<void> {
  const text = JSON.stringify({ version: VERSION, vouchedWallMs: saved.vouchedWallMs, snapshot: saved.snapshot });
  const temporary = `${path}.${process.pid}.${writes++}.tmp`;
  await mkdir(dirname(path), { recursive: true, mode: 0o700 });
  try {
    const file = await open(temporary, 'wx', 0o600);
    try {
      await file.writeFile(text);
      await file.datasync();
    } finally {
      await file.close();
    }
    await rename(temporary, path);
  } catch (error) {
    await unlink(temporary).catch(() => null); // The first error is the one to report.
    throw error;
  }
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
