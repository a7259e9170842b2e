import { type LookupAddress, type LookupOptions, lookup } from 'node:dns';
import { EventEmitter } from 'node:events';
import type { IncomingMessage } from 'node:http';
import Consul from 'consul';
import { type Clock, Timer } from '../base/clock.ts';
import type { ServiceQuery } from '../cluster/snapshot.ts';
import { unbracketed } from './address.ts';
import { decodeOwnZone } from './agent-answer.ts';
import { BodySink } from './body-sink.ts';
import {
  type AclResource,
  type CheckStatus,
  type ConsulAnswer,
  type ConsulApi,
  type ConsulRead,
  checkIdOf,
  type HealthAnswer,
  type KvWrite,
  type Registered,
  type RegisteredSidecar,
  type Rights,
  type Transaction,
} from './consul-api.ts';
import { ConsulError, describeError, withSchemeHint } from './consul-error.ts';
import { answerOf, type ConsulReply, parseJson, refusal } from './consul-reply.ts';
import { decodeHealth } from './health-answer.ts';
import type { KvDocument } from './kv.ts';
import { decodeKv, decodeKvTree } from './kv-answer.ts';
import { decodeTransaction, encodeWrites } from './kv-transaction.ts';
import type { ConsulOptions, RegistrationOptions } from './options.ts';
import { CHECK_NAME, decodeRegistered, decodeSidecars } from './registered-answer.ts';
import { decodeAllowed, MAX_ASKED } from './rights-answer.ts';
import { WatchedFile } from './watched-file.ts';

const MAX_ANSWER_BYTES = 16 * 1024 * 1024;
/** For calls that do not block. A local agent answers in milliseconds; one that does not in this time will not. */
const CALL_TIMEOUT_MS = 10_000;
/** A registration whose sidecar was killed and never came back is swept away after this long. */
const REAP_AFTER = '30m';

interface RawRequest {
  readonly path: string;
  readonly params?: Readonly<Record<string, string>>;
  readonly query?: Readonly<Record<string, string>>;
  readonly body?: unknown;
  readonly timeoutMs?: number;
  readonly signal: AbortSignal;
}

/** The part of the package that takes any path and any stream; its typings leave it out. */
interface RawClient {
  _get(request: object): Promise<IncomingMessage>;
  _put(request: object): Promise<IncomingMessage>;
  _post(request: object): Promise<IncomingMessage>;
  destroy(): void;
}

/**
 * Consul through the `consul` package, the only file that knows the package.
 *
 * All calls take its raw form: only that accepts a sink for the body (`BodySink` says why one is needed), and the typed
 * calls drop what this program needs (weights, namespaces, `Kind`). Its `watch` is not used: it stays deaf after an
 * agent restarts and does not limit its rate; `blocking-query.ts` is ours. Each call owns its deadline, on our clock.
 */
export class ConsulClient implements ConsulApi {
  private readonly tokenFile: WatchedFile | null;
  private readonly tlsFiles: {
    readonly ca: WatchedFile | null;
    readonly cert: WatchedFile | null;
    readonly key: WatchedFile | null;
  };
  /** As it was last read, and since when it is another one than before; undefined before the first time. */
  private lastToken: string | null | undefined;
  private tokenChangedAt = Number.NEGATIVE_INFINITY;
  private client: RawClient | null = null;
  private clientFiles = '';

  constructor(
    private readonly options: ConsulOptions,
    private readonly clock: Clock,
  ) {
    const { tls } = options;
    this.tokenFile = watched(options.tokenFile);
    this.tlsFiles = { ca: watched(tls.caFile), cert: watched(tls.certFile), key: watched(tls.keyFile) };
  }

  async health(query: ServiceQuery, read: ConsulRead, signal: AbortSignal): Promise<HealthAnswer> {
    const reply = await this.read(
      query.connect ? '/health/connect/{name}' : '/health/service/{name}',
      query.service,
      { ...present({ dc: query.datacenter, ns: query.namespace, tag: query.tag, filter: query.filter }) },
      read,
      signal,
    );
    if (reply.status !== 200) throw refusal(reply);
    const { endpoints, skipped, resources } = decodeHealth(parseJson(reply), query.roles);
    return { ...answerOf(reply, endpoints, JSON.stringify([endpoints, skipped])), skipped, resources };
  }

  async kv(key: string, read: ConsulRead, signal: AbortSignal): Promise<ConsulAnswer<KvDocument>> {
    const reply = await this.read('/kv/{name}', key, {}, read, signal);
    if (reply.status !== 200 && reply.status !== 404) throw refusal(reply);
    const document = decodeKv(key, reply.status === 404 ? [] : parseJson(reply));
    return answerOf(reply, document, `${document.revision} ${document.isHeld} ${document.text}`);
  }

  async kvTree(
    prefix: string,
    read: ConsulRead,
    signal: AbortSignal,
    keeps?: (key: string) => boolean,
  ): Promise<ConsulAnswer<readonly KvDocument[]>> {
    const reply = await this.read('/kv/{name}', prefix, { recurse: 'true' }, read, signal);
    if (reply.status !== 200 && reply.status !== 404) throw refusal(reply);
    const documents = decodeKvTree(reply.status === 404 ? [] : parseJson(reply), keeps);
    return answerOf(reply, documents, documents.map(({ key, revision }) => `${key} ${revision}`).join('\n'));
  }

  async transact(writes: readonly KvWrite[], signal: AbortSignal): Promise<Transaction> {
    const reply = await this.call('PUT', { path: '/txn', body: encodeWrites(writes), signal });
    if (reply.status !== 200 && reply.status !== 409) throw refusal(reply);
    return decodeTransaction(parseJson(reply));
  }

  async discoveryChain(service: string, read: ConsulRead, signal: AbortSignal): Promise<ConsulAnswer<string>> {
    const reply = await this.read('/discovery-chain/{name}', service, {}, read, signal);
    if (reply.status !== 200) throw refusal(reply);
    return answerOf(reply, reply.text, reply.text);
  }

  async putKv(key: string, text: string, session: string | null, signal: AbortSignal): Promise<boolean> {
    const query = present({ acquire: session });
    const reply = await this.put({ path: '/kv/{key}', params: { key }, query, body: Buffer.from(text), signal });
    return parseJson(reply) === true;
  }

  async zone(signal: AbortSignal): Promise<string | null> {
    const reply = await this.call('GET', { path: '/agent/self', signal });
    if (reply.status !== 200) throw refusal(reply);
    return decodeOwnZone(parseJson(reply));
  }

  async registered(serviceId: string, signal: AbortSignal): Promise<Registered | null> {
    const path = '/agent/health/service/id/{id}';
    const reply = await this.call('GET', { path, params: { id: serviceId }, query: { format: 'json' }, signal });
    // Before 1.5 there is no such question, and a token may be let register and not look: then nothing is known.
    if (reply.status === 404 || reply.status === 403) return null;
    // The status is the health of the service: warnings are 429, anything worse 503.
    if (reply.status !== 200 && reply.status !== 429 && reply.status !== 503) throw refusal(reply);
    return decodeRegistered(parseJson(reply), serviceId);
  }

  async register(service: RegistrationOptions, status: CheckStatus, signal: AbortSignal): Promise<void> {
    await this.put({
      path: '/agent/service/register',
      query: { 'replace-existing-checks': 'true' },
      body: {
        ID: service.id,
        Name: service.name,
        Address: service.address,
        Port: service.port,
        Tags: service.tags,
        Meta: service.meta,
        Check: {
          CheckID: checkIdOf(service.id),
          Name: CHECK_NAME,
          TTL: `${service.ttlMs}ms`,
          Status: status,
          DeregisterCriticalServiceAfter: REAP_AFTER,
        },
      },
      signal,
    });
  }

  async deregister(serviceId: string, signal: AbortSignal): Promise<void> {
    await this.put({ path: '/agent/service/deregister/{id}', params: { id: serviceId }, signal });
  }

  async maintenance(serviceId: string, enable: boolean, reason: string, signal: AbortSignal): Promise<void> {
    const query = { enable: String(enable), reason };
    await this.put({ path: '/agent/service/maintenance/{id}', params: { id: serviceId }, query, signal });
  }

  async updateCheck(checkId: string, status: CheckStatus, output: string, signal: AbortSignal): Promise<boolean> {
    const body = { Status: status, Output: output };
    const reply = await this.call('PUT', { path: '/agent/check/update/{id}', params: { id: checkId }, body, signal });
    if (
      reply.status === 404 ||
      (reply.status === 500 && /does not have associated TTL|Unknown check/i.test(reply.text))
    )
      return false;
    if (reply.status !== 200) throw refusal(reply);
    return true;
  }

  async sidecars(signal: AbortSignal): Promise<readonly RegisteredSidecar[]> {
    const query = { filter: `Name == "${CHECK_NAME}"`, stale: '1' };
    const reply = await this.call('GET', { path: '/health/state/any', query, signal });
    if (reply.status !== 200) throw refusal(reply);
    return decodeSidecars(parseJson(reply));
  }

  async createSession(name: string, ttlMs: number, signal: AbortSignal): Promise<string> {
    const body = { Name: name, TTL: `${ttlMs}ms`, Behavior: 'delete', LockDelay: '0s' };
    const created = parseJson(await this.put({ path: '/session/create', body, signal })) as { ID?: unknown } | null;
    if (typeof created?.ID !== 'string') throw new ConsulError('the answer to session/create has no ID');
    return created.ID;
  }

  async renewSession(id: string, signal: AbortSignal): Promise<boolean> {
    const reply = await this.call('PUT', { path: '/session/renew/{id}', params: { id }, signal });
    if (reply.status === 404) return false;
    if (reply.status !== 200) throw refusal(reply);
    return true;
  }

  async destroySession(id: string, signal: AbortSignal): Promise<void> {
    await this.put({ path: '/session/destroy/{id}', params: { id }, signal });
  }

  async checkRights(
    resources: readonly AclResource[],
    query: Pick<ServiceQuery, 'datacenter' | 'namespace'>,
    signal: AbortSignal,
  ): Promise<Rights> {
    const namespace = query.namespace ?? this.options.namespace;
    for (let start = 0; start < resources.length; start += MAX_ASKED) {
      const asked = resources.slice(start, start + MAX_ASKED);
      const body = asked.map(({ kind, name }) => {
        const right = { Resource: kind, Segment: name, Access: 'read' };
        return namespace === null ? right : { ...right, Namespace: namespace };
      });
      const path = '/internal/acl/authorize';
      const reply = await this.call('POST', { path, query: present({ dc: query.datacenter }), body, signal });
      if (saysNoAcls(reply)) return 'open';
      if (reply.status === 404) return this.checkWithoutAuthorize(signal);
      if (reply.status !== 200) throw refusal(reply);
      decodeAllowed(parseJson(reply), asked);
    }
    return 'granted';
  }

  /** Before 1.7 Consul could not be asked about rights. It is still known whether there are any. */
  private async checkWithoutAuthorize(signal: AbortSignal): Promise<Rights> {
    if (saysNoAcls(await this.call('GET', { path: '/acl/token/self', signal }))) return 'open';
    throw new ConsulError('this Consul cannot say what the token may read');
  }

  async hasNewToken(sinceMs: number): Promise<boolean> {
    const token = await this.token().catch(() => null);
    return token !== null && this.tokenChangedAt >= sinceMs;
  }

  /** Drops its connections; calls in flight fail. */
  close(): void {
    this.client?.destroy();
    this.client = null;
  }

  private read(
    path: string,
    name: string,
    query: Record<string, string>,
    read: ConsulRead,
    signal: AbortSignal,
  ): Promise<ConsulReply> {
    if (read.mode !== 'leader') query[read.mode] = '1';
    if (read.index > 0n) Object.assign(query, { index: read.index.toString(), wait: `${Math.ceil(read.waitMs)}ms` });
    return this.call('GET', { path, params: { name }, query, timeoutMs: read.timeoutMs, signal });
  }

  private async put(request: RawRequest): Promise<ConsulReply> {
    const reply = await this.call('PUT', request);
    if (reply.status !== 200) throw refusal(reply);
    return reply;
  }

  private async call(method: 'GET' | 'PUT' | 'POST', request: RawRequest): Promise<ConsulReply> {
    const { path, params, body, signal } = request;
    const timeoutMs = request.timeoutMs ?? CALL_TIMEOUT_MS;
    const canceller = new EventEmitter();
    let broken: string | null = null;
    const cancel = (why: string): void => {
      broken ??= why;
      canceller.emit('cancel');
    };
    const onAbort = (): void => cancel('cancelled');
    const deadline = new Timer({ onTimer: () => cancel(`no answer within ${Math.round(timeoutMs)} ms`) });
    const sink = new BodySink(MAX_ANSWER_BYTES, cancel);
    signal.addEventListener('abort', onAbort);
    this.clock.arm(deadline, this.clock.now() + timeoutMs);
    try {
      const token = await this.token();
      const client = await this.ready();
      if (broken !== null || signal.aborted) throw new ConsulError('cancelled');
      const headers = token === null ? {} : { 'x-consul-token': token };
      const query = { ...present({ dc: this.options.datacenter, ns: this.options.namespace }), ...request.query };
      const message = {
        path,
        params,
        query,
        headers,
        ctx: canceller,
        pipe: sink,
        ...(body === undefined ? {} : { body }),
      };
      const response = await send(client, method, message);
      return { status: response.statusCode ?? 0, headers: response.headers, text: sink.text };
    } catch (error) {
      if (broken !== null) throw new ConsulError(broken);
      const response = refusedResponse(error);
      const { address } = this.options;
      if (response === null) throw new ConsulError(withSchemeHint(describeError(error), address));
      const status = response.statusCode ?? 0;
      if (status === 401 || status === 403) {
        this.tokenFile?.forget();
      }
      const text = status === 400 ? withSchemeHint(sink.text, address) : sink.text;
      return { status, headers: response.headers, text };
    } finally {
      this.clock.disarm(deadline);
      signal.removeEventListener('abort', onAbort);
    }
  }

  /** As it is in its file now. */
  private async token(): Promise<string | null> {
    const token = this.tokenFile === null ? this.options.token : (await this.tokenFile.read()).trim();
    const found = token === '' ? null : token;
    if (this.lastToken !== undefined && found !== this.lastToken) this.tokenChangedAt = this.clock.now();
    this.lastToken = found;
    return found;
  }

  /** With the certificates as they are in their files now: new ones make a new client. */
  private async ready(): Promise<RawClient> {
    const [ca, cert, key] = await Promise.all([
      this.tlsFiles.ca?.read(),
      this.tlsFiles.cert?.read(),
      this.tlsFiles.key?.read(),
    ]);
    const files = [ca, cert, key].join('\0');
    if (this.client === null || files !== this.clientFiles) {
      this.client?.destroy();
      this.client = connect(this.options, { ca, cert, key });
      this.clientFiles = files;
    }
    return this.client;
  }
}

type Secrets = { readonly ca: string | undefined; readonly cert: string | undefined; readonly key: string | undefined };

function connect(options: ConsulOptions, secrets: Secrets): RawClient {
  const { address, tls } = options;
  const isSocket = address.startsWith('unix://');
  // The package's typings know neither sockets, nor TLS, nor a base address; the HTTP client under it does.
  const settings = {
    baseUrl: `${isSocket ? 'http://localhost' : address.replace(/\/+$/, '')}/v1`,
    ...(isSocket ? { socketPath: address.slice('unix://'.length) } : { lookup: lookupBracketed }),
    ...Object.fromEntries(Object.entries(secrets).filter(([, text]) => text !== undefined)),
    ...(tls.serverName === null ? {} : { servername: tls.serverName }),
    rejectUnauthorized: tls.verify,
  };
  return new Consul(settings as ConstructorParameters<typeof Consul>[0]) as unknown as RawClient;
}

function send(client: RawClient, method: 'GET' | 'PUT' | 'POST', message: object): Promise<IncomingMessage> {
  if (method === 'GET') return client._get(message);
  return method === 'PUT' ? client._put(message) : client._post(message);
}

function saysNoAcls({ status, text }: ConsulReply): boolean {
  return status === 401 && text.includes('ACL support disabled');
}

type LookupDone = (error: Error | null, address: string | LookupAddress[], family?: number) => void;

/** The HTTP client leaves the brackets on an IPv6 address, so it arrives here as if it were a name. */
function lookupBracketed(host: string, options: LookupOptions, done: LookupDone): void {
  lookup(unbracketed(host), options, done);
}

function refusedResponse(error: unknown): IncomingMessage | null {
  return (error as { readonly response?: IncomingMessage }).response ?? null;
}

function present(fields: Readonly<Record<string, string | null>>): Record<string, string> {
  return Object.fromEntries(Object.entries(fields).filter((field): field is [string, string] => field[1] !== null));
}

function watched(path: string | null): WatchedFile | null {
  return path === null ? null : new WatchedFile(path);
}
