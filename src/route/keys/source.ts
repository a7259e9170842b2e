import type { Peer } from '../../http/conduit.ts';
import type { RequestHead } from '../../http/head.ts';
import type { KeyText } from './text.ts';

/** The address a connection comes from; its port is left out, so that a client keeps its endpoint. */
export class SourceText implements KeyText {
  read(_head: RequestHead | null, peer: Peer): string {
    return peer.address;
  }
}
