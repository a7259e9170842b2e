import type { FailureCode } from '../../src/base/failure.ts';
import { SeededRandom } from '../../src/base/random.ts';
import type { Client, TunnelClient } from '../../src/http/conduit.ts';
import { WindowBudget } from '../../src/http2/receive-window.ts';
import type { KeptConnection } from '../../src/net/client-context.ts';
import { Output } from '../../src/net/output.ts';
import { Wires } from '../../src/net/session-wire.ts';
import { Sniffer, type Spoken } from '../../src/net/sniffer.ts';
import { NO_RELEASE } from '../../src/net/socket-transport.ts';
import { UpstreamTunnel } from '../../src/net/upstream-tunnel.ts';
import { ScriptTransport } from './client-script.ts';
import { FakeTransport } from './fake-transport.ts';
import { ManualClock } from './manual-clock.ts';

const LIMITS = { maxHeadBytes: 4_096, maxFields: 32, maxTargetBytes: 512, headTimeoutMs: 10_000, clientIdleMs: 60_000 };
const PEER = { address: '127.0.0.1', port: 5000, listener: 'orders', scheme: 'http', identity: null };
const HTTP2 = {
  maxStreams: 10,
  maxListBytes: 4_096,
  maxFields: 32,
  maxStreamWindow: 65_536,
  maxConnectionWindow: 65_536,
  maxHeldBytes: 65_536,
  maxResets: 10,
  maxUselessFrames: 10,
  pingIntervalMs: 0,
  pingTimeoutMs: 1_000,
};

/** `http`: no tunnels. `http2`: nothing else. `auto`: anything. `shared`: tunnels only for those who name their server. */
export type Port = 'http' | 'http2' | 'auto' | 'shared';

/** A port with one connection on it: what it turns out to be, and what reaches whoever is behind. */
export class SnifferScript {
  readonly clock = new ManualClock();
  readonly bugs: unknown[] = [];
  /** In order: what was detected, requests, tunnels, and what ended. */
  readonly seen: string[] = [];
  readonly kept = new Set<KeptConnection>();
  readonly transport: ScriptTransport;
  readonly sniffer: Sniffer;
  readonly meter = { bytes: 0 };
  /** The endpoint's end of the tunnel. */
  readonly endpoint: FakeTransport;
  client: TunnelClient | null = null;
  /** Who asks in HTTP. */
  asker: Client | null = null;
  /** Runs when somebody behind the port is wanted. */
  onOpen: () => void = () => undefined;
  private readonly output = new Output();
  private readonly upstream: UpstreamTunnel;
  private readonly say = (text: string): void => void this.seen.push(text);

  constructor(port: Port) {
    const { clock, say, kept } = this;
    const host = { output: this.output, onBug: (error: unknown) => void this.bugs.push(error) };
    const owner = {
      onClosed: (connection: KeptConnection) => {
        if (kept.delete(connection)) say('closed');
      },
      onDetected: (sniffer: Sniffer, spoken: Spoken, next: KeptConnection | null) => {
        say(spoken);
        kept.delete(sniffer);
        if (next !== null) kept.add(next);
      },
    };
    const requests = {
      open: (asker: Client) => {
        this.asker = asker;
        return {
          onRequest: (head: { readonly method: string; readonly path: string }) => {
            this.onOpen();
            say(`${head.method} ${head.path}`);
          },
          onRequestBody: () => true,
          onRequestEnd: () => undefined,
          onClientDrain: () => undefined,
          onClientGone: (code: FailureCode) => say(code),
        };
      },
    };
    const tunnels = {
      open: (client: TunnelClient) => {
        this.client = client;
        this.onOpen();
        say(`dial ${client.serverName}`);
        return { onClientGone: (code: FailureCode) => say(code) };
      },
    };
    this.upstream = new UpstreamTunnel(
      host,
      clock,
      {
        onConnected: () => undefined,
        onFailure: () => undefined,
        onFirstByteDown: () => undefined,
        onClose: (up, down, _, code) => say(`over ${up} ${down} ${code}`),
      },
      () => undefined,
    );
    this.endpoint = new FakeTransport(this.output, this.upstream);
    this.upstream.begin(this.endpoint, 0);
    this.transport = new ScriptTransport(host, 'client_gone', NO_RELEASE);
    this.sniffer = new Sniffer(this.transport, PEER, {
      http: { host, acceptor: requests, clock, limits: LIMITS, owner },
      http2: { wires: new Wires(), budget: new WindowBudget(1_000_000), limits: HTTP2, random: new SeededRandom(5) },
      isHttp2Only: port === 'http2',
      tunnels:
        port === 'http' || port === 'http2'
          ? null
          : { acceptor: tunnels, meter: this.meter, takesUnnamed: port === 'auto' },
      owner,
    });
    kept.add(this.sniffer);
    this.transport.handler = this.sniffer;
  }

  take(): string[] {
    return this.seen.splice(0);
  }

  receive(bytes: Buffer | string): void {
    this.transport.receive(bytes.toString('latin1'));
  }

  /** In reads of so many bytes, as long as the connection is read. Answers how many bytes that were. */
  receiveInPieces(bytes: Buffer | string, size: number): number {
    const text = bytes.toString('latin1');
    let at = 0;
    for (; at < text.length && !this.transport.isPaused; at += size) this.receive(text.slice(at, at + size));
    return Math.min(at, text.length);
  }

  /** The endpoint has accepted. */
  splice(): void {
    this.client!.splice(this.upstream, 0);
  }

  /** All that the endpoint has been told. */
  heard(): string {
    return this.endpoint.take();
  }
}
