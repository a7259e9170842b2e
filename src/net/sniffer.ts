import { Timer, type TimerOwner } from '../base/clock.ts';
import type { FailureCode } from '../base/failure.ts';
import type { Peer, TunnelAcceptor } from '../http/conduit.ts';
import { Carry } from '../http1/carry.ts';
import { ClientConnection } from './client-connection.ts';
import type { ClientContext, KeptConnection } from './client-context.ts';
import { ClientHello, HANDSHAKE } from './client-hello.ts';
import { ClientTunnel } from './client-tunnel.ts';
import { type Awaited, ClientWait, type WaitOwner } from './client-wait.ts';
import { type Match, matchPreface, matchRequestLine } from './first-bytes.ts';
import { Http2ClientConnection } from './http2-client-connection.ts';
import type { Http2Shared } from './http2-shared.ts';
import type { Meter } from './splice.ts';
import type { Transport, TransportHandler } from './transport.ts';

/** What a connection turned out to be. `silent`: its client waits for the other end to speak. */
export type Spoken = 'http1' | 'http2' | 'tls' | 'opaque' | 'silent';

/**
 * A client that has said nothing for so long waits for a greeting, as those of MySQL and SMTP do. Those that speak
 * first do so within a round trip, and this one is on the same machine mostly; a greeting that comes so much later is
 * hardly noticed.
 */
export const SILENCE_MS = 150;

export interface SnifferOwner {
  /** `next` is kept in place of the sniffer from now on; null: it is gone already. */
  onDetected(sniffer: Sniffer, spoken: Spoken, next: KeptConnection | null): void;
}

/** The way out of a port for clients that do not speak HTTP. */
export interface TunnelDoor {
  readonly acceptor: TunnelAcceptor;
  readonly meter: Meter;
  /** There is an endpoint also for a client that names nobody, so its silence is not waited out. */
  readonly takesUnnamed: boolean;
}

/** What is behind a port. */
export interface SnifferContext {
  readonly http: ClientContext;
  readonly http2: Http2Shared;
  /** Everybody must speak HTTP/2, and who does not is answered as one who speaks it badly. */
  readonly isHttp2Only: boolean;
  /** Null: everybody must speak HTTP, and who does not is answered as one who speaks it badly. */
  readonly tunnels: TunnelDoor | null;
  readonly owner: SnifferOwner;
}

/**
 * A new connection until it is known what its client speaks; then it is handed over with all that was read, and nothing
 * is left here.
 *
 *     anything, where HTTP/2 is a must --> Http2ClientConnection
 *     preface of HTTP/2 -----------------> Http2ClientConnection
 *     anything else, no tunnels here ----> ClientConnection
 *     beginning of a request line -------> ClientConnection
 *     ClientHello, read to its end ------> ClientTunnel with the name of its server
 *     anything else ---------------------> ClientTunnel
 *     nothing for 150 ms, or a FIN ------> ClientTunnel, if there is one for who names nobody
 *
 * Detection is never why a connection fails. What is still unclear when the time for a head is up goes where
 * anything else does; so does a ClientHello that is none after all, since the endpoint has better words for that. It is
 * no filter either: where tunnels are open, whoever wants one only has to speak badly.
 *
 * Less than 16 KiB is kept, and on top of that one read. Who is behind begins its own time anew, so a head may take
 * twice as long, at most.
 */
export class Sniffer implements TransportHandler, KeptConnection, WaitOwner, TimerOwner {
  private readonly wait: ClientWait;
  private readonly silence = new Timer(this);
  private readonly said = new Carry();
  private hello: ClientHello | null = null;
  /** What whoever comes next is told first. */
  private leaving: keyof KeptConnection | null = null;

  /** Reads from now on. */
  constructor(
    private readonly transport: Transport,
    private readonly peer: Peer,
    private readonly context: SnifferContext,
  ) {
    const { http } = context;
    this.wait = new ClientWait(transport, http, this);
    if (this.takesUnnamed) http.clock.arm(this.silence, http.clock.now() + SILENCE_MS);
    else this.wait.forRequest();
    transport.resume();
  }

  // --- For the listener: it is idle, whatever has come of its first bytes ---

  announceClose(): void {
    this.leaving ??= 'announceClose';
  }

  drain(): void {
    this.leaving = 'drain';
    this.wait.drain();
    if (this.said.size === 0 && !this.silence.isArmed) this.wait.forRequest();
  }

  expire(): void {
    this.leaving = 'expire';
  }

  // --- From the transport ---

  onBytes(bytes: Buffer): void {
    const { said } = this;
    const isFirst = said.size === 0;
    if (!isFirst) said.append(bytes);
    const all = isFirst ? bytes : said.view();
    const spoken = this.listen(all);
    if (spoken === 'http1') return this.toHttp1().onBytes(all);
    if (spoken === 'http2') return this.toHttp2().onBytes(all);
    if (isFirst) said.append(bytes);
    if (spoken !== 'unclear') return this.toTunnel(spoken, false);
    this.context.http.clock.disarm(this.silence);
    this.wait.forHead();
  }

  onEnd(): void {
    const { said } = this;
    if (this.takesUnnamed || (said.size > 0 && this.context.tunnels !== null)) return this.toTunnel('opaque', true);
    const next = this.toHttp();
    if (said.size > 0) next.onBytes(said.view());
    next.onEnd();
  }

  onDrain(): void {
    // Nothing was written.
  }

  onClose(_code: FailureCode | null): void {
    this.stop();
    this.context.http.owner.onClosed(this);
  }

  // --- Time ---

  onTimer(): void {
    this.attempt(() => this.toTunnel('silent', false));
  }

  onOverdue(what: Awaited): void {
    this.attempt(() => {
      if (what === 'head' && this.context.tunnels !== null) this.toTunnel('opaque', false);
      else this.toHttp().onOverdue(what);
    });
  }

  /** No transport is above a timer to catch what is thrown. */
  private attempt(run: () => void): void {
    const { http } = this.context;
    try {
      run();
    } catch (error) {
      http.host.onBug(error);
      this.transport.destroy(true);
      try {
        this.transport.handler.onClose('internal_error');
      } catch (another) {
        http.host.onBug(another);
      }
    }
  }

  // --- The decision ---

  private get takesUnnamed(): boolean {
    return this.context.tunnels?.takesUnnamed ?? false;
  }

  private listen(bytes: Buffer): Exclude<Spoken, 'silent'> | 'unclear' {
    if (this.context.isHttp2Only) return 'http2';
    const preface = matchPreface(bytes);
    if (preface !== 'no') return preface === 'yes' ? 'http2' : 'unclear';
    if (this.context.tunnels === null) return 'http1';
    if (bytes[0] !== HANDSHAKE) return chosen(matchRequestLine(bytes), 'http1');
    this.hello ??= new ClientHello();
    return chosen(this.hello.read(bytes), 'tls');
  }

  /** For a client that has said too little to tell. */
  private toHttp(): ClientConnection | Http2ClientConnection {
    return this.context.isHttp2Only ? this.toHttp2() : this.toHttp1();
  }

  private toHttp1(): ClientConnection {
    const next = new ClientConnection(this.transport, this.peer, this.context.http);
    this.handOver('http1', next, next);
    return next;
  }

  private toHttp2(): Http2ClientConnection {
    const { http, http2 } = this.context;
    const next = new Http2ClientConnection(this.transport, this.peer, http, http2);
    this.handOver('http2', next, next);
    return next;
  }

  private toTunnel(spoken: 'tls' | 'opaque' | 'silent', isEnded: boolean): void {
    const { transport, peer } = this;
    const { http, tunnels } = this.context;
    const { acceptor, meter } = tunnels!;
    const serverName = spoken === 'tls' ? this.hello!.serverName : null;
    const said = { serverName, bytes: this.said.view(), isEnded };
    transport.pause();
    const next = new ClientTunnel(transport, peer, acceptor, meter, http.owner, said);
    this.handOver(spoken, next, next.isOver ? null : next);
  }

  private handOver(spoken: Spoken, next: TransportHandler, kept: KeptConnection | null): void {
    this.stop();
    this.transport.handler = next;
    this.context.owner.onDetected(this, spoken, kept);
    if (this.leaving !== null) kept?.[this.leaving]();
  }

  private stop(): void {
    this.wait.stop();
    this.context.http.clock.disarm(this.silence);
  }
}

/** What it is when it matches. */
function chosen<S extends Spoken>(match: Match, spoken: S): S | 'opaque' | 'unclear' {
  return match === 'yes' ? spoken : match === 'no' ? 'opaque' : 'unclear';
}
