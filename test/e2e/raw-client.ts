import { connect, type Socket } from 'node:net';
import { eventually } from '../support/eventually.ts';

/** A client that says exactly the bytes it is given, and keeps the bytes it hears. */
export class RawClient {
  /** All that came, as latin1. */
  text = '';
  /** How the other end left: FIN, RST, or not yet. */
  end: 'fin' | 'reset' | null = null;
  readonly socket: Socket;

  private constructor(port: number) {
    this.socket = connect({ host: '127.0.0.1', port, allowHalfOpen: true });
    this.socket.setNoDelay(true);
    this.socket.on('data', (bytes) => {
      this.text += bytes.toString('latin1');
    });
    this.socket.on('end', () => {
      this.end = 'fin';
    });
    this.socket.on('error', () => {
      this.end = 'reset';
    });
  }

  static async connect(port: number): Promise<RawClient> {
    const client = new RawClient(port);
    await new Promise<void>((resolve, reject) => {
      client.socket.once('connect', resolve);
      client.socket.once('error', reject);
    });
    return client;
  }

  /** Says something on a connection of its own and gives what came back until the other end closed. */
  static async ask(port: number, text: string): Promise<RawClient> {
    const client = await RawClient.connect(port);
    client.write(text);
    await client.closed();
    client.socket.destroy();
    return client;
  }

  write(text: string): void {
    this.socket.write(text, 'latin1');
  }

  /** No more will be said. */
  finish(): void {
    this.socket.end();
  }

  reset(): void {
    this.socket.resetAndDestroy();
  }

  /** Resolves when this has been heard so many times. */
  async heard(words: string, times = 1): Promise<void> {
    await eventually(() => {
      if (this.text.split(words).length > times) return;
      throw new Error(`"${words}" was not heard, only (${this.end}):\n${this.text.slice(-2_000)}`);
    }, 10_000);
  }

  async closed(): Promise<'fin' | 'reset'> {
    await eventually(() => {
      if (this.end === null) throw new Error(`still open, and heard:\n${this.text.slice(-2_000)}`);
    }, 15_000);
    return this.end!;
  }

  /** The statuses heard so far, in order. */
  get statuses(): number[] {
    return [...this.text.matchAll(/HTTP\/1\.1 (\d{3})/g)].map(([, status]) => Number(status));
  }
}
