import { FAILURES, type FailureCode } from '../../base/failure.ts';
import type { Connector, Hearer, Tunnel, TunnelHandler } from '../../http/conduit.ts';
import { NO_TUNNEL } from '../../http/no-connection.ts';
import type { TcpQuestion } from './options.ts';
import { failed, PASSED, type Probe, type ProbeOwner, type Prober, unreachable, type Verdict } from './prober.ts';

/** What is wanted has to be in the first so many bytes. */
const MAX_HEARD_BYTES = 4_096;

/** Connects; sends what is to be sent, and waits for what has to come. */
export class TcpProber implements Prober {
  private readonly send: Buffer | null;
  private readonly expect: Buffer | null;

  constructor({ send, expect }: TcpQuestion) {
    this.send = send === null ? null : Buffer.from(send, 'utf8');
    this.expect = expect === null ? null : Buffer.from(expect, 'utf8');
  }

  begin(connector: Connector, owner: ProbeOwner): Probe {
    return new TcpProbe(connector, this.send, this.expect, owner);
  }
}

class TcpProbe implements Probe, TunnelHandler, Hearer {
  private readonly tunnel: Tunnel;
  private heard: Buffer = Buffer.alloc(0);
  private isOver = false;
  isAsked = true;

  constructor(
    connector: Connector,
    private readonly send: Buffer | null,
    private readonly expect: Buffer | null,
    private readonly owner: ProbeOwner,
  ) {
    this.tunnel = connector.dial(this);
    if (this.tunnel === NO_TUNNEL) this.withhold();
  }

  abandon(): void {
    if (this.isOver) return;
    this.isOver = true;
    this.tunnel.abort();
  }

  onConnected(): void {
    if (this.isOver) return;
    if (this.expect === null && this.send === null) return this.conclude(PASSED);
    this.tunnel.talk(this.send, this);
    if (this.expect === null) this.conclude(PASSED);
  }

  onBytes(bytes: Buffer): void {
    if (this.isOver || this.expect === null) return;
    this.heard = Buffer.concat([this.heard, bytes.subarray(0, MAX_HEARD_BYTES - this.heard.length)]);
    if (this.heard.includes(this.expect)) this.conclude(PASSED);
    else if (this.heard.length >= MAX_HEARD_BYTES) this.conclude(failed('said something else'));
  }

  onEnd(): void {
    if (!this.isOver) this.conclude(failed('closed before it said what is expected'));
  }

  onFailure(code: FailureCode): void {
    if (this.isOver) return;
    if (FAILURES[code].blame === 'local') return this.withhold();
    this.isOver = true;
    this.owner.onVerdict(unreachable(FAILURES[code].meaning));
  }

  onFirstByteDown(): void {}

  onClose(): void {}

  private withhold(): void {
    this.isOver = true;
    this.isAsked = false;
  }

  private conclude(verdict: Verdict): void {
    this.isOver = true;
    // In order: a reset is an error in the log of many an application.
    this.tunnel.close();
    this.owner.onVerdict(verdict);
  }
}
