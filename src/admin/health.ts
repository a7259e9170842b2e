import type { ServerUnaryCall, ServerWritableStream, sendUnaryData } from '@grpc/grpc-js';
import { status as codes } from '@grpc/grpc-js';
import { type Clock, Timer } from '../base/clock.ts';
import type { AgentView } from './agent-view.ts';
import { ADMIN_SERVICE, type Message } from './wire.ts';

type ServingStatus = 'SERVING' | 'NOT_SERVING' | 'SERVICE_UNKNOWN';
type WatchCall = ServerWritableStream<Message, Message>;

/** How late a watcher may learn of a change. */
const POLL_MS = 250;
const MAX_WATCHERS = 64;

/** The empty name is the sidecar as a whole. */
const SERVICES = ['', ADMIN_SERVICE];

/**
 * `grpc.health.v1.Health`: the answer of `/ready` for those who ask in gRPC.
 *
 * Watchers are told of changes by looking every quarter of a second, only while somebody watches: readiness has many
 * causes, and none of them should have to know about this. A watcher that does not read is not written to.
 */
export class HealthService {
  private readonly watchers = new Map<WatchCall, ServingStatus>();
  private readonly poll = new Timer({ onTimer: () => this.tellWatchers() });

  constructor(
    private readonly view: AgentView,
    private readonly clock: Clock,
  ) {}

  check(call: ServerUnaryCall<Message, Message>, reply: sendUnaryData<Message>): void {
    const service = serviceOf(call);
    if (SERVICES.includes(service)) reply(null, { status: this.status(service) });
    else reply({ code: codes.NOT_FOUND, details: `no service "${service}" here` });
  }

  list(_call: ServerUnaryCall<Message, Message>, reply: sendUnaryData<Message>): void {
    reply(null, { statuses: Object.fromEntries(SERVICES.map((name) => [name, { status: this.status(name) }])) });
  }

  watch(call: WatchCall): void {
    if (this.watchers.size >= MAX_WATCHERS) {
      call.emit('error', { code: codes.RESOURCE_EXHAUSTED, details: `at most ${MAX_WATCHERS} may watch` });
      return;
    }
    call.on('cancelled', () => this.forget(call));
    this.tell(call);
    this.armPoll();
  }

  close(): void {
    this.clock.disarm(this.poll);
    this.watchers.clear();
  }

  private tellWatchers(): void {
    for (const [call, told] of this.watchers) {
      if (!call.writableNeedDrain && this.status(serviceOf(call)) !== told) this.tell(call);
    }
    this.armPoll();
  }

  private tell(call: WatchCall): void {
    const status = this.status(serviceOf(call));
    this.watchers.set(call, status);
    call.write({ status });
  }

  private forget(call: WatchCall): void {
    this.watchers.delete(call);
    if (this.watchers.size === 0) this.clock.disarm(this.poll);
  }

  private armPoll(): void {
    this.clock.arm(this.poll, this.clock.now() + POLL_MS);
  }

  private status(service: string): ServingStatus {
    if (!SERVICES.includes(service)) return 'SERVICE_UNKNOWN';
    return this.view.readiness().isReady ? 'SERVING' : 'NOT_SERVING';
  }
}

function serviceOf(call: { readonly request: Message }): string {
  return (call.request as { readonly service: string }).service;
}
