import { status } from '@grpc/grpc-js';
import { eventually } from '../support/eventually.ts';
import type { Wish } from './grpc-app.ts';
import { type Ended, GrpcClient, type Kind } from './grpc-client.ts';

export interface GrpcLoadOptions {
  readonly workers?: number;
  /** Said of every call besides its id. */
  readonly wish?: Omit<Wish, 'id'>;
  readonly messages?: number;
}

/** Workers that make one call after the other over one connection, each with an id that servers write down. */
export class GrpcLoad {
  readonly results: Ended[] = [];
  private readonly client: GrpcClient;
  private readonly work: Promise<unknown>;
  private made = 0;
  private isOver = false;

  constructor(
    port: number,
    private readonly kind: Kind,
    private readonly name: string,
    private readonly options: GrpcLoadOptions = {},
  ) {
    this.client = new GrpcClient(port);
    this.work = Promise.all(Array.from({ length: options.workers ?? 4 }, () => this.run()));
  }

  get failed(): readonly Ended[] {
    return this.results.filter(({ code }) => code !== status.OK);
  }

  /** How they failed, to be read. */
  get complaints(): readonly string[] {
    return this.failed.map(({ id, code, details }) => `${id}: ${code} ${details}`);
  }

  /** Until so many more have ended. */
  async passes(count: number): Promise<void> {
    const until = this.results.length + count;
    await eventually(() => this.results.length >= until);
  }

  /** Until this server has answered a call that began after now. */
  async sees(server: string): Promise<void> {
    const from = this.results.length + (this.options.workers ?? 4);
    await eventually(() => this.results.slice(from).some(({ replies }) => replies[0]?.server === server));
  }

  /** Makes no more, and waits for those on their way. */
  async stop(): Promise<void> {
    this.isOver = true;
    await this.work;
    this.client.close();
  }

  private async run(): Promise<void> {
    const { wish = {}, messages = 3 } = this.options;
    while (!this.isOver) {
      this.made += 1;
      const id = `${this.name}-${this.made}`;
      this.results.push(await this.client.ask(this.kind, { id, ...wish }, { messages, deadline: Date.now() + 20_000 }));
    }
  }
}
