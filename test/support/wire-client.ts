import { connect, type Socket } from 'node:net';
import { Happenings } from './happenings.ts';
import { type Judgement, judgeAnswers, statusOf, type WireMessage } from './wire-judge.ts';

/** A client of raw bytes: what it hears is judged as answers to the methods it asked with. */
export class WireClient {
  /** All that came, as latin1. */
  text = '';
  /** How the other end left. */
  end: 'fin' | 'reset' | null = null;
  /** Of the requests, in order. */
  readonly methods: string[] = [];
  readonly socket: Socket;
  private isConnected = false;
  private readonly happenings = new Happenings();

  private constructor(port: number) {
    this.socket = connect({ host: '127.0.0.1', port, allowHalfOpen: true, noDelay: true });
    const hear = (event: string, take: (bytes: Buffer) => void): void => {
      this.socket.on(event, (bytes: Buffer) => {
        take(bytes);
        this.happenings.happened();
      });
    };
    hear('connect', () => (this.isConnected = true));
    hear('data', (bytes) => (this.text += bytes.toString('latin1')));
    hear('end', () => (this.end ??= 'fin'));
    hear('error', () => (this.end ??= 'reset'));
    hear('close', () => (this.end ??= 'fin'));
  }

  /** Resolves also for one that was turned away at once. */
  static async connect(port: number): Promise<WireClient> {
    const client = new WireClient(port);
    await client.until(() => client.isConnected || client.end !== null);
    return client;
  }

  get judged(): Judgement {
    return judgeAnswers(this.text, { methods: this.methods, isEnded: this.end === 'fin' });
  }

  /** The statuses heard, interim ones among them. */
  get statuses(): readonly number[] {
    return this.judged.messages.map(({ start }) => statusOf(start));
  }

  get last(): WireMessage | undefined {
    return this.judged.messages.at(-1);
  }

  ask(target: string, method = 'GET'): void {
    this.methods.push(method);
    this.socket.write(`${method} ${target} HTTP/1.1\r\nHost: shop.test\r\n\r\n`);
  }

  until(look: () => boolean): Promise<void> {
    return this.happenings.until(look, () => `heard, and then ${this.end}:\n${this.text.slice(0, 2_000)}`);
  }

  /** Until so many answers are whole, or the other end is gone. */
  answered(count: number): Promise<void> {
    return this.until(() => this.end !== null || (this.statuses.length >= count && this.last?.isComplete === true));
  }

  closed(): Promise<void> {
    return this.until(() => this.end !== null);
  }

  leave(): void {
    this.socket.destroy();
  }
}
