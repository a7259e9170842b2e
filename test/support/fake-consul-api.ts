import type { EndpointSpec, ServiceQuery } from '../../src/cluster/snapshot.ts';
import type {
  AclResource,
  CheckStatus,
  ConsulAnswer,
  ConsulApi,
  ConsulRead,
  HealthAnswer,
  Registered,
  RegisteredSidecar,
  Rights,
  Transaction,
} from '../../src/discovery/consul-api.ts';
import { ConsulError } from '../../src/discovery/consul-error.ts';
import type { KvDocument } from '../../src/discovery/kv.ts';
import type { RegistrationOptions } from '../../src/discovery/options.ts';

type Health = HealthAnswer;

interface Pending {
  readonly read: ConsulRead;
  answer(value: Health): void;
  fail(error: Error): void;
}

/** A Consul without sockets: reads wait until the test answers them, writes go into a log. */
export class FakeConsulApi implements ConsulApi {
  /** The read of the long poll that waits, and the one by which a loss is confirmed. */
  poll: Pending | null = null;
  leaderRead: Pending | null = null;
  polls = 0;
  readonly log: string[] = [];
  /** What the next writes fail with, in turn. */
  readonly failures: Error[] = [];
  knowsCheck = true;
  /** What stands under the id of whoever asks. */
  held: Registered | null = null;
  /** Of the agent. */
  ownZone: string | null = null;
  /** Heartbeats are never answered. */
  hangs = false;
  /** What the token may do, or the error of whoever asks. */
  rights: Rights | Error = 'open';
  /** What was asked about its rights, in turn. */
  readonly rightsAsked: string[] = [];

  health(_query: ServiceQuery, read: ConsulRead, signal: AbortSignal): Promise<Health> {
    return new Promise((answer, fail) => {
      signal.addEventListener('abort', () => fail(new ConsulError('cancelled')));
      const pending = { read, answer, fail };
      if (read.mode === 'leader') this.leaderRead = pending;
      else {
        this.poll = pending;
        this.polls += 1;
      }
    });
  }

  kv(): Promise<ConsulAnswer<KvDocument>> {
    throw new ConsulError('not part of this test');
  }

  kvTree(): Promise<ConsulAnswer<readonly KvDocument[]>> {
    throw new ConsulError('not part of this test');
  }

  transact(): Promise<Transaction> {
    throw new ConsulError('not part of this test');
  }

  discoveryChain(): Promise<ConsulAnswer<string>> {
    throw new ConsulError('not part of this test');
  }

  async putKv(key: string, _text?: string): Promise<boolean> {
    this.write(`put ${key}`);
    return true;
  }

  async zone(): Promise<string | null> {
    const failure = this.failures.shift();
    if (failure !== undefined) throw failure;
    return this.ownZone;
  }

  async registered(): Promise<Registered | null> {
    return this.held;
  }

  async register(service: RegistrationOptions, status: CheckStatus): Promise<void> {
    this.write(`register ${service.id} ${status}`);
    this.knowsCheck = true;
    this.held = { address: service.address, port: service.port, isForsaken: false };
  }

  async deregister(serviceId: string): Promise<void> {
    this.write(`deregister ${serviceId}`);
    this.held = null;
  }

  async maintenance(serviceId: string, enable: boolean, reason: string): Promise<void> {
    this.write(`maintenance ${serviceId} ${enable} ${reason}`);
  }

  async updateCheck(checkId: string, status: CheckStatus, _output: string, signal: AbortSignal): Promise<boolean> {
    if (this.hangs) await cancelled(signal);
    this.write(`${status} ${checkId}`);
    return this.knowsCheck;
  }

  async sidecars(): Promise<readonly RegisteredSidecar[]> {
    return [];
  }

  async createSession(): Promise<string> {
    this.write('session');
    return 's1';
  }

  async renewSession(): Promise<boolean> {
    return true;
  }

  async destroySession(): Promise<void> {
    this.write('session gone');
  }

  async hasNewToken(): Promise<boolean> {
    return false;
  }

  async checkRights(resources: readonly AclResource[]): Promise<Rights> {
    this.rightsAsked.push(resources.map(({ kind, name }) => `${kind} ${name}`).join(', '));
    if (this.rights instanceof Error) throw this.rights;
    return this.rights;
  }

  private write(line: string): void {
    this.log.push(line);
    const failure = this.failures.shift();
    if (failure !== undefined) throw failure;
  }
}

export function healthAnswer(endpoints: readonly EndpointSpec[], index: number, more: Partial<Health> = {}): Health {
  return {
    value: endpoints,
    index: BigInt(index),
    knowsLeader: true,
    isFiltered: false,
    print: JSON.stringify(endpoints),
    skipped: [],
    resources: endpoints.length === 0 ? [] : [{ kind: 'node', name: 'n1' }],
    ...more,
  };
}

function cancelled(signal: AbortSignal): Promise<never> {
  return new Promise((_resolve, reject) => {
    signal.addEventListener('abort', () => reject(new ConsulError('cancelled')));
  });
}
