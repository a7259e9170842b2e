import { type Clock, Timer } from '../base/clock.ts';
import type { FailureCode } from '../base/failure.ts';
import type { DialHandler, Sockets } from '../net/sockets.ts';
import type { Transport } from '../net/transport.ts';

/** Does somebody accept connections there? Connects and closes; no answer in time is no. */
export function knock(sockets: Sockets, clock: Clock, host: string, port: number, withinMs: number): Promise<boolean> {
  return new Promise((resolve) => {
    const conclude = (isServed: boolean): void => {
      clock.disarm(patience);
      resolve(isServed);
    };
    const connect = new Connect((code) => conclude(code === null));
    const patience = new Timer({
      onTimer: () => {
        connect.abandon();
        conclude(false);
      },
    });
    clock.arm(patience, clock.now() + withinMs);
    connect.begin(sockets.dial(host, port, connect));
  });
}

/** One connect. It ends with the first word, null when it was accepted, and whatever comes after is not for us. */
export class Connect implements DialHandler {
  private transport: Transport | null = null;

  constructor(private readonly onOutcome: (code: FailureCode | null) => void) {}

  begin(transport: Transport): void {
    this.transport = transport;
  }

  onConnect(): void {
    // With FIN: a reset is an error in the log of many an application.
    this.transport?.destroy(false);
    this.onOutcome(null);
  }

  onClose(code: FailureCode | null): void {
    this.onOutcome(code ?? 'connect_failed');
  }

  abandon(): void {
    this.transport?.destroy(true);
  }

  onBytes(): void {}

  onEnd(): void {}

  onDrain(): void {}
}
