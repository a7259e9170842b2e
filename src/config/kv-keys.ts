/**
 * The layout of Consul's KV store. A layer is `mesh`, `service/<name>` (how callers treat that service) or
 * `caller/<name>` (what that service's own sidecars add or override for their calls).
 */
export const CONFIG_PREFIX = 'remora/config/';
export const ROLLOUT_PREFIX = 'remora/rollout/';
export const HISTORY_PREFIX = 'remora/history/';
export const STATUS_PREFIX = 'remora/status/';
/** Below `ROLLOUT_PREFIX`, so that whoever follows candidates hears of objections, and no layer is called so. */
export const OBJECTION_PREFIX = 'remora/rollout/objection/';

export type LayerName = 'mesh' | `service/${string}` | `caller/${string}`;

export function configKey(layer: LayerName): string {
  return `${CONFIG_PREFIX}${layer}`;
}

/** Null: the key is of no layer. */
export function layerOfKey(key: string): LayerName | null {
  return key.startsWith(CONFIG_PREFIX) ? layerOf(key.slice(CONFIG_PREFIX.length)) : null;
}

export function layerOf(text: string): LayerName | null {
  return text === 'mesh' || /^(?:service|caller)\/[^/]+$/.test(text) ? (text as LayerName) : null;
}

export function rolloutKey(layer: LayerName): string {
  return `${ROLLOUT_PREFIX}${layer}`;
}

/** `revision` is the ModifyIndex that the document had when it was in force. */
export function historyKey(layer: LayerName, revision: string): string {
  return `${HISTORY_PREFIX}${layer}/${revision.padStart(20, '0')}`;
}

export function statusKey(service: string, instance: string): string {
  return `${STATUS_PREFIX}${service}/${instance}`;
}

/** Where one sidecar says that it will not have, or has turned down, a staged change. Nobody else may write there. */
export function objectionKey(service: string, instance: string): string {
  return `${OBJECTION_PREFIX}${service}/${instance}`;
}
