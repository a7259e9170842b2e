import type { ResponseHandler } from '../http/conduit.ts';

/** Hears what nobody waits for. */
export const NOBODY: ResponseHandler = {
  onConnected: () => undefined,
  onInterim: () => undefined,
  onHead: () => undefined,
  onBody: () => true,
  onEnd: () => undefined,
  onFailure: () => undefined,
  onUpstreamDrain: () => undefined,
};
