import { Client, type ClientReadableStream, status as codes, credentials, type ServiceError } from '@grpc/grpc-js';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type Admin, startAdmin } from '../../src/admin/admin.ts';
import { hostPort } from '../../src/admin/bound-address.ts';
import { AdminUnreachable, askSidecar } from '../../src/admin/client.ts';
import { decodeClusters } from '../../src/admin/messages.ts';
import { ADMIN_SERVICE, HEALTH_SERVICE, loadServices, type Message, type Methods } from '../../src/admin/wire.ts';
import { SystemClock } from '../../src/base/clock-system.ts';
import { freePorts } from '../support/free-ports.ts';
import { ManualClock } from '../support/manual-clock.ts';
import { endpoint, FakeAgentView } from './fake-agent-view.ts';

let view: FakeAgentView;
let clock: ManualClock;
let problems: unknown[];
let admin: Admin;
let client: Client;
let services: ReadonlyMap<string, Methods>;

beforeEach(async () => {
  view = new FakeAgentView();
  clock = new ManualClock();
  problems = [];
  services = await loadServices();
  const config = { address: '127.0.0.1', port: 0, grpcPort: 0, tokenFile: null };
  admin = await startAdmin(view, config, clock, (error) => problems.push(error));
  client = new Client(hostPort(admin.grpc!), credentials.createInsecure());
});

afterEach(async () => {
  client.close();
  await admin.close();
});

describe('Admin', () => {
  it('carries status and clusters to the other side unchanged', async () => {
    const overload = [{ resource: 'heap', percent: 40, isEnforced: true }];
    view.standingView = { ...view.standingView, overload };
    const { status, clusters } = await askSidecar(hostPort(admin.grpc!), new SystemClock(), 5_000);
    expect(status).toEqual({
      identity: view.identityView,
      readiness: view.readinessView,
      standing: view.standingView,
      listeners: view.listenerViews,
      layers: view.configView.layers.map((layer) => ({ ...layer, problemsOmitted: 0 })),
    });
    expect(clusters).toEqual(
      view.clusterViews.map((cluster) => ({ ...cluster, placesOmitted: 0, endpointsOmitted: 0 })),
    );
  });

  it.each([
    [{ isReady: true, isDraining: false, waitingFor: [] }, 'STATE_SERVING'],
    [{ isReady: false, isDraining: false, waitingFor: ['listener outbound'] }, 'STATE_STARTING'],
    [{ isReady: false, isDraining: true, waitingFor: [] }, 'STATE_DRAINING'],
  ])('tells %j as %s', async (readiness, state) => {
    view.readinessView = readiness;
    expect(await call(ADMIN_SERVICE, 'Status', {})).toMatchObject({ state, waitingFor: readiness.waitingFor });
  });

  it('tells an age of zero from no age', async () => {
    view.clusterViews = [0, null].map((ageMs) => ({ ...view.clusterViews[1]!, ageMs }));
    const { clusters } = (await call(ADMIN_SERVICE, 'Clusters', {})) as { clusters: object[] };
    expect(clusters.map((cluster) => 'ageMs' in cluster)).toEqual([true, false]);
  });

  it('gives only the clusters that were asked for', async () => {
    const { clusters } = (await call(ADMIN_SERVICE, 'Clusters', { names: ['cache', 'nobody'] })) as {
      clusters: { name: string }[];
    };
    expect(clusters.map((cluster) => cluster.name)).toEqual(['cache']);
  });

  it('cuts a very large cluster and says by how much', async () => {
    const many = Array.from({ length: 6_000 }, (_, i) => endpoint({ id: `e${i}` }));
    view.clusterViews = [{ ...view.clusterViews[0]!, endpoints: many }];
    const { clusters } = await askSidecar(hostPort(admin.grpc!), new SystemClock(), 10_000);
    expect([clusters[0]!.endpoints.length, clusters[0]!.endpointsOmitted]).toEqual([5_000, 1_000]);
  });

  it('refuses a request that is too large', async () => {
    await expect(call(ADMIN_SERVICE, 'Clusters', { names: ['x'.repeat(70_000)] })).rejects.toMatchObject({
      code: codes.RESOURCE_EXHAUSTED,
    });
  });

  it('answers INTERNAL without details and reports it when the program has a bug', async () => {
    view.clusters = () => {
      throw new Error('broken cluster at 10.0.0.1');
    };
    await expect(call(ADMIN_SERVICE, 'Clusters', {})).rejects.toMatchObject({
      code: codes.INTERNAL,
      details: 'a bug in remora; see its log',
    });
    expect(problems).toEqual([new Error('broken cluster at 10.0.0.1')]);
  });

  it('shows a word of a newer sidecar as it came', () => {
    const message = { ...endpoint(), health: 9, breaker: { state: 'BREAKER_STATE_FORCED', trips: 1 }, removed: false };
    const cluster = {
      name: 'orders',
      balancer: 'maglev',
      places: [],
      ejections: [],
      placesOmitted: 0,
      endpoints: [message],
      inbound: false,
      endpointsOmitted: 0,
    };
    const [decoded] = decodeClusters({ clusters: [cluster] });
    expect(decoded!.endpoints[0]).toMatchObject({ health: '9', breaker: 'forced', trips: 1 });
  });
});

describe('grpc.health.v1.Health', () => {
  it('means what /ready means', async () => {
    expect(await call(HEALTH_SERVICE, 'Check', {})).toEqual({ status: 'SERVING' });
    view.readinessView = { isReady: false, isDraining: true, waitingFor: [] };
    expect(await call(HEALTH_SERVICE, 'Check', { service: ADMIN_SERVICE })).toEqual({ status: 'NOT_SERVING' });
  });

  it('does not know other services', async () => {
    await expect(call(HEALTH_SERVICE, 'Check', { service: 'orders' })).rejects.toMatchObject({ code: codes.NOT_FOUND });
  });

  it('lists what it knows', async () => {
    expect(await call(HEALTH_SERVICE, 'List', {})).toEqual({
      statuses: { '': { status: 'SERVING' }, [ADMIN_SERVICE]: { status: 'SERVING' } },
    });
  });

  it('tells watchers now and at every change, and nothing in between', async () => {
    const { stream, next } = watch('');
    expect(await next()).toBe('SERVING');
    clock.advance(1_000);
    view.readinessView = { isReady: false, isDraining: true, waitingFor: [] };
    clock.advance(250);
    expect(await next()).toBe('NOT_SERVING');
    stream.cancel();
  });

  it('watches an unknown service without ending', async () => {
    const { stream, next } = watch('orders');
    expect(await next()).toBe('SERVICE_UNKNOWN');
    stream.cancel();
  });

  it('has no timer once the last watcher has gone', async () => {
    const first = watch('');
    const second = watch('');
    await Promise.all([first.next(), second.next()]);
    expect(clock.armed).toBe(1);
    first.stream.cancel();
    second.stream.cancel();
    await expect.poll(() => clock.armed).toBe(0);
  });

  it('refuses watchers beyond its limit', async () => {
    // One connection carries 64 streams, so the 65th watcher comes on a second one.
    const all = Array.from({ length: 64 }, () => watch(''));
    await Promise.all(all.map((one) => one.next()));
    const other = new Client(hostPort(admin.grpc!), credentials.createInsecure(), {
      'grpc.use_local_subchannel_pool': 1,
    });
    const refused = watch('', other);
    await expect(refused.next()).rejects.toMatchObject({ code: codes.RESOURCE_EXHAUSTED });
    other.close();
    for (const one of all) one.stream.cancel();
  });
});

describe('startAdmin', () => {
  it('has no gRPC port when it is switched off', async () => {
    const config = { address: '127.0.0.1', port: 0, grpcPort: null, tokenFile: null };
    const quiet = await startAdmin(view, config, clock, () => undefined);
    expect(quiet.grpc).toBeNull();
    expect(quiet.http.port).toBeGreaterThan(0);
    await quiet.close();
  });

  it('opens neither port when one is taken, and names it', async () => {
    const taken = admin.grpc!.port;
    const [port] = await freePorts(1);
    const config = { address: '127.0.0.1', port: port!, grpcPort: taken, tokenFile: null };
    await expect(startAdmin(view, config, clock, () => undefined)).rejects.toThrow(
      `listener admin-grpc: cannot listen on 127.0.0.1:${taken}: the port is in use`,
    );
    const again = await startAdmin(view, { ...config, grpcPort: null }, clock, () => undefined);
    expect(again.http.port).toBe(port);
    await again.close();
  });

  it('stops answering when it is closed', async () => {
    await admin.close();
    await expect(askSidecar(hostPort(admin.grpc!), new SystemClock(), 5_000)).rejects.toThrow(AdminUnreachable);
  });
});

function call(service: string, name: string, request: Message): Promise<Message> {
  const { path, requestSerialize, responseDeserialize } = services.get(service)![name]!;
  return new Promise((resolve, reject) => {
    client.makeUnaryRequest(path, requestSerialize, responseDeserialize, request, (error, answer) =>
      error === null ? resolve(answer!) : reject(error),
    );
  });
}

function watch(
  service: string,
  by: Client = client,
): { stream: ClientReadableStream<Message>; next(): Promise<string> } {
  const { path, requestSerialize, responseDeserialize } = services.get(HEALTH_SERVICE)!['Watch']!;
  const stream = by.makeServerStreamRequest(path, requestSerialize, responseDeserialize, { service });
  const told: string[] = [];
  let ended: ServiceError | null = null;
  stream.on('data', (message: { status: string }) => told.push(message.status));
  stream.on('error', (error: ServiceError) => {
    ended = error;
  });
  const next = async (): Promise<string> => {
    await expect.poll(() => told.length > 0 || ended !== null).toBe(true);
    if (told.length === 0) throw ended;
    return told.shift()!;
  };
  return { stream, next };
}
