import type { Tunnel, Upstream } from './conduit.ts';

/**
 * What a connector gives when as many connections are open as may be, and none is free. Nothing follows: no call of it
 * reaches anybody.
 */
export const NO_CONNECTION: Upstream = {
  isReady: false,
  version: '',
  isReused: false,
  bytesWritten: 0,
  sendHead: () => undefined,
  sendBody: () => true,
  sendEnd: () => undefined,
  resume: () => undefined,
  abort: () => undefined,
};

/** The same of `dial`. */
export const NO_TUNNEL: Tunnel = {
  abort: () => undefined,
  cut: () => undefined,
  talk: () => undefined,
  close: () => undefined,
};
