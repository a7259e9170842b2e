import type { FailureCode } from '../base/failure.ts';
import type { LocalAnswer } from './answer.ts';
import type { Edits } from './edits.ts';
import type { Fields } from './fields.ts';
import type { RequestHead, ResponseHead } from './head.ts';

/**
 * The four ends of an exchange. Connections (net/) implement `Client` and `Upstream` and move bytes; the exchange
 * (proxy/) implements `RequestHandler` and `ResponseHandler` and decides. All methods are mandatory and synchronous.
 *
 *     client --onRequest..--> RequestHandler | ResponseHandler <--onHead..-- endpoint
 *     client <--sendHead..--- Client         | Upstream        --sendHead..-> endpoint
 *
 * The law of both pairs:
 *  - Heads, fields and bytes are lent for the call. Heads of a request stay valid until `finish`.
 *  - A boolean answer is backpressure: `false` means "full", stop until the other side's `resume` / `on..Drain`. What was
 *    handed over has been taken in any case. `resume` is harmless when nothing was paused.
 *  - After `finish` or `abort`, and after `onEnd` / `onFailure` / `onClientGone`, nothing is called on that side any more.
 *  - Calls into a connection never call back into the exchange before they return; what they cause comes in a later event.
 */

/** Who is at the other end of an accepted connection. */
export interface Peer {
  readonly address: string;
  readonly port: number;
  /** The name of the listener that accepted it: `outbound`, `inbound` or an upstream's name. */
  readonly listener: string;
  /** The scheme requests on this connection have when they do not say: `http`, or `https` behind TLS. */
  readonly scheme: string;
  /** The peer's verified identity; null without mTLS. */
  readonly identity: string | null;
}

// --- Towards the client ---

/**
 * Makes a handler for a connection's exchanges: once per HTTP/1.1 connection (used again for every request), once per
 * HTTP/2 stream.
 */
export interface Acceptor {
  open(client: Client): RequestHandler;
}

export interface RequestHandler {
  onRequest(head: RequestHead): void;
  /** A piece of the decoded body, never empty. In raw mode: bytes from the client. */
  onRequestBody(bytes: Buffer): boolean;
  /** The request is complete; in raw mode, the client's FIN. Trailers are null when there were none. */
  onRequestEnd(trailers: Fields | null): void;
  onClientDrain(): void;
  /**
   * The client is lost: at most once, last, never after `finish`. `code` is `client_gone` for a reset or a FIN inside
   * the request; a client-blamed code for framing or timing that the connection itself refuses, and `draining` when the
   * program's time is up: it has sent that answer when it still could.
   */
  onClientGone(code: FailureCode): void;
}

export interface Client {
  readonly peer: Peer;
  /** An interim answer, 100..199 except 101. Connections that cannot carry it (HTTP/1.0) leave it out. */
  sendInterim(head: ResponseHead, edits: Edits): void;
  /** The final head, or a 101 after which both directions are raw and `sendEnd` means FIN. */
  sendHead(head: ResponseHead, edits: Edits): void;
  sendBody(bytes: Buffer): boolean;
  sendEnd(trailers: Fields | null): void;
  /** A whole answer of remora's own, instead of `sendHead`. `edits` carries fields to add to it. */
  sendLocal(answer: LocalAnswer, edits: Edits): void;
  /**
   * Instead of any answer: nobody has looked at the request, and its client may send it elsewhere. False where the
   * protocol has no word for that.
   */
  sendRefusal(): boolean;
  resume(): void;
  /** The exchange is over. Not intact: the answer was cut, so close (HTTP/1.1) or reset the stream (HTTP/2). */
  finish(intact: boolean): void;
}

// --- Towards the endpoint ---

export interface ResponseHandler {
  /** The connection is ready for `sendHead`. Not called when `isReady` was true at once. */
  onConnected(): void;
  onInterim(head: ResponseHead): void;
  /** The final head. A 101 is given only when an upgrade was asked for; then both directions are raw. */
  onHead(head: ResponseHead): void;
  onBody(bytes: Buffer): boolean;
  /**
   * The answer is complete and the connection is already given back, if it can be used again. Raw mode: the endpoint's
   * FIN, and the connection stays until `sendEnd` or `abort`.
   */
  onEnd(trailers: Fields | null): void;
  /**
   * The connection is lost or its answer unusable: at most once, last. Never inside a call into `Connector` or
   * `Upstream`.
   */
  onFailure(code: FailureCode): void;
  onUpstreamDrain(): void;
}

/** One request on one connection to an endpoint. */
export interface Upstream {
  readonly isReady: boolean;
  /** What is spoken to the endpoint, as in `RequestHead.version`. */
  readonly version: string;
  /** The connection has carried an answer before this request, or was opened ahead of it. */
  readonly isReused: boolean;
  /** Bytes of this request given to the transport so far. */
  readonly bytesWritten: number;
  sendHead(head: RequestHead, edits: Edits): void;
  sendBody(bytes: Buffer): boolean;
  sendEnd(trailers: Fields | null): void;
  resume(): void;
  /**
   * Gives up on the answer: the connection is closed (HTTP/1.1) or the stream reset (HTTP/2). Harmless after the end.
   */
  abort(): void;
}

/** The way to one endpoint: its pool of connections. */
export interface Connector {
  /**
   * `fresh`: not on a connection that has carried an answer before. `version`: what the client speaks
   * (`RequestHead.version`). `NO_CONNECTION` when there is none and none may be opened; `dial` gives `NO_TUNNEL` then.
   */
  acquire(handler: ResponseHandler, fresh: boolean, version: string, now: number): Upstream;
  dial(handler: TunnelHandler): Tunnel;
  /** No new work will come: idle connections close now, others when their exchange ends. */
  retire(): void;
}

// --- Opaque connections ---

/** Decides about accepted opaque connections. */
export interface TunnelAcceptor {
  open(client: TunnelClient): TunnelClientHandler;
}

export interface TunnelClientHandler {
  /** The client was lost, or given up, before `splice` or `refuse`: at most once, last. */
  onClientGone(code: FailureCode): void;
}

/** An accepted opaque connection; nothing is read from it before it is spliced, but what showed that it is one. */
export interface TunnelClient {
  readonly peer: Peer;
  /** Whom the client asks for in the first message of TLS; null when it does not say, or speaks something else. */
  readonly serverName: string | null;
  /** Couples both ends, bytes and FINs each way, until both have ended or one is lost; then `TunnelHandler.onClose`. */
  splice(tunnel: Tunnel, idleTimeoutMs: number): void;
  /** Closes the connection with a reset, so that the client can tell it from an orderly end. */
  refuse(): void;
}

export interface Tunnel {
  /** Gives up, connected or not: both ends of a splice are reset. */
  abort(): void;
  /** The same of one that is spliced, and `onClose` tells how it was. */
  cut(code: FailureCode): void;
  /** Instead of a splice, once and when connected: sends this, if anything, and hands on what comes. */
  talk(words: Buffer | null, hearer: Hearer): void;
  /** Ends one that is not spliced, with FIN. Nothing is called any more. */
  close(): void;
}

/** Who is told what the endpoint of a tunnel says that has no client. Its loss is `TunnelHandler.onFailure`. */
export interface Hearer {
  onBytes(bytes: Buffer): void;
  onEnd(): void;
}

export interface TunnelHandler {
  onConnected(): void;
  /** Never connected, or lost before `splice`: at most once, last. */
  onFailure(code: FailureCode): void;
  /** The first byte of the endpoint, on its way to the client: once at most, after `splice`. */
  onFirstByteDown(): void;
  /** A spliced tunnel has ended: once, last. A null code is an orderly end of both directions. */
  onClose(bytesUp: number, bytesDown: number, firstByteDownAt: number, code: FailureCode | null): void;
}
