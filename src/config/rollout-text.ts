import { parseJsonMap, readCount, readList, readMap, readText } from './kv-json.ts';
import type { LayerName } from './kv-keys.ts';
import type { Guard, Objection, Rollout, Verdict } from './rollout.ts';

/** Whatever a rollout says, nothing is tried for longer. */
export const MAX_ROLLOUT_MS = 86_400_000;
const MAX_GUARDS = 16;
const MAX_OBJECTIONS = 32;
const MAX_SHARE = 10_000;

const GUARD_KINDS = ['error_ratio', 'p50', 'p90', 'p99'] as const;
export const VERDICT_KINDS = ['running', 'passed', 'broken', 'refused'] as const;

export function encodeRollout(rollout: Rollout): string {
  return JSON.stringify(rollout);
}

/** Throws an `Error` that says in words what is wrong: whatever is not a rollout concerns nobody. */
export function decodeRollout(layer: LayerName, text: string): Rollout {
  const found = parseJsonMap(text);
  const rollout: Rollout = {
    layer,
    base: readText(found, 'base', /^[0-9]{1,20}$/),
    candidate: readText(found, 'candidate'),
    share: readCount(found, 'share', MAX_SHARE),
    seed: readText(found, 'seed', /^[0-9a-f]{8,32}$/),
    guards: readList(found, 'guards', MAX_GUARDS, decodeGuard),
    forMs: readCount(found, 'forMs', MAX_ROLLOUT_MS),
    startedAtMs: readCount(found, 'startedAtMs'),
    untilMs: readCount(found, 'untilMs'),
    by: readText(found, 'by'),
  };
  if (found['layer'] !== layer) throw new Error(`layer is not "${layer}"`);
  const lastsMs = rollout.untilMs - rollout.startedAtMs;
  if (lastsMs < rollout.forMs || lastsMs > MAX_ROLLOUT_MS)
    throw new Error('untilMs is not within a day of startedAtMs');
  return rollout;
}

function decodeGuard(value: unknown): Guard {
  const found = readMap(value, 'a guard');
  const kind = GUARD_KINDS.find((known) => known === found['kind']);
  const { bound } = found;
  if (kind === undefined) throw new Error('a guard of no kind that is known');
  if (typeof bound !== 'number' || !(bound > 0) || !Number.isFinite(bound)) throw new Error('a guard without a bound');
  return { kind, bound };
}

export function encodeObjections(objections: readonly Objection[]): string {
  return JSON.stringify(objections.slice(-MAX_OBJECTIONS));
}

/** What cannot be read is no objection: its writer has gone back by itself all the same. */
export function decodeObjections(text: string): readonly Objection[] {
  let found: unknown;
  try {
    found = JSON.parse(text);
  } catch (_error) {
    return [];
  }
  if (!Array.isArray(found)) return [];
  return found.slice(0, MAX_OBJECTIONS).flatMap((value) => {
    const verdict = decodeVerdict(value);
    const { layer, atMs } = (value ?? {}) as { readonly layer?: unknown; readonly atMs?: unknown };
    if (verdict === null || typeof layer !== 'string') return [];
    if (verdict.kind !== 'broken' && verdict.kind !== 'refused') return [];
    const kind = verdict.kind;
    return [{ ...verdict, kind, layer: layer as LayerName, atMs: typeof atMs === 'number' ? atMs : 0 }];
  });
}

/** Null: it is none. */
export function decodeVerdict(value: unknown): Verdict | null {
  const { seed, kind, requests, why } = (value ?? {}) as Record<string, unknown>;
  const known = VERDICT_KINDS.find((word) => word === kind);
  if (typeof seed !== 'string' || known === undefined) return null;
  return {
    seed,
    kind: known,
    requests: typeof requests === 'number' ? requests : 0,
    why: typeof why === 'string' ? why : '',
  };
}
