import { FLOW_CONTROL_ERROR, NO_ERROR, PROTOCOL_ERROR } from './errors.ts';
import { MAX_31_BIT } from './frames.ts';

// Identifiers (RFC 9113, 6.5.2; RFC 8441, 3).
export const HEADER_TABLE_SIZE = 0x1;
export const ENABLE_PUSH = 0x2;
export const MAX_CONCURRENT_STREAMS = 0x3;
export const INITIAL_WINDOW_SIZE = 0x4;
export const MAX_FRAME_SIZE = 0x5;
export const MAX_HEADER_LIST_SIZE = 0x6;
export const ENABLE_CONNECT_PROTOCOL = 0x8;

export const DEFAULT_TABLE_BYTES = 4_096;
export const DEFAULT_WINDOW_BYTES = 65_535;

const SMALLEST_MAX_FRAME = 16_384;
const LARGEST_MAX_FRAME = 16_777_215;

/**
 * What a peer will have from us. What it says of frame and list sizes is not kept: we stay below the least it may say,
 * or cannot tell.
 */
export class PeerSettings {
  tableBytes = DEFAULT_TABLE_BYTES;
  /** Streams that we may have open; unlimited until it says so, and then the session's own limit counts. */
  maxStreams = MAX_31_BIT;
  windowBytes = DEFAULT_WINDOW_BYTES;
  takesConnectProtocol = false;

  /** Takes one setting in. Answers an error code, which is the connection's, or `NO_ERROR`. */
  take(identifier: number, value: number): number {
    switch (identifier) {
      case HEADER_TABLE_SIZE:
        this.tableBytes = value;
        return NO_ERROR;
      case ENABLE_PUSH:
        return value > 1 ? PROTOCOL_ERROR : NO_ERROR;
      case MAX_CONCURRENT_STREAMS:
        this.maxStreams = value;
        return NO_ERROR;
      case INITIAL_WINDOW_SIZE:
        if (value > MAX_31_BIT) return FLOW_CONTROL_ERROR;
        this.windowBytes = value;
        return NO_ERROR;
      case MAX_FRAME_SIZE:
        return value < SMALLEST_MAX_FRAME || value > LARGEST_MAX_FRAME ? PROTOCOL_ERROR : NO_ERROR;
      case ENABLE_CONNECT_PROTOCOL:
        if (value > 1 || (this.takesConnectProtocol && value === 0)) return PROTOCOL_ERROR;
        this.takesConnectProtocol = value === 1;
        return NO_ERROR;
      default:
        return NO_ERROR;
    }
  }
}
