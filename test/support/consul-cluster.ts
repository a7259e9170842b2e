import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ConsulHttp, ConsulProcess } from './consul.ts';
import { eventually } from './eventually.ts';
import { freePorts } from './free-ports.ts';

interface Member {
  readonly process: ConsulProcess;
  readonly http: ConsulHttp;
  readonly rpcPort: number;
}

/**
 * Three servers and one client agent on loopback, with elections in about two seconds. Sidecars talk to the client
 * agent, as they do in life; servers keep their data across `restart`.
 */
export class ConsulCluster {
  private constructor(
    private readonly folder: string,
    private readonly servers: readonly Member[],
    private readonly client: Member,
  ) {}

  /** `maxConnections`: of one address to each agent; Consul's own is 200. */
  static async start(binary: string, maxConnections = 200): Promise<ConsulCluster> {
    const folder = await mkdtemp(join(tmpdir(), 'remora-cluster-'));
    const ports = await freePorts(16);
    const lanPorts = [0, 1, 2].map((i) => ports[i * 4 + 1]!);
    const member = (i: number, kind: readonly string[]): Member => {
      const [http, lan, wan, rpc] = ports.slice(i * 4, i * 4 + 4);
      const joins = lanPorts.filter((port) => port !== lan).flatMap((port) => ['-retry-join', `127.0.0.1:${port}`]);
      const args = [
        ...kind,
        ...['-node', `n${i + 1}`, '-datacenter', 'dc1', '-data-dir', join(folder, `n${i + 1}`), '-log-level', 'warn'],
        ...['-bind', '127.0.0.1', '-advertise', '127.0.0.1', '-client', '127.0.0.1', '-retry-interval', '1s', ...joins],
        ...['-http-port', `${http}`, '-serf-lan-port', `${lan}`, '-serf-wan-port', `${wan}`, '-server-port', `${rpc}`],
        ...['-grpc-port', '-1', '-dns-port', '-1', '-hcl'],
        [
          'performance { raft_multiplier = 1 } disable_update_check = true leave_on_terminate = false',
          `skip_leave_on_interrupt = true limits { http_max_conns_per_client = ${maxConnections} }`,
        ].join(' '),
      ];
      const caller = new ConsulHttp(http!);
      return { process: new ConsulProcess(binary, args, caller), http: caller, rpcPort: rpc! };
    };
    const servers = [0, 1, 2].map((i) => member(i, ['-server', '-bootstrap-expect', '3']));
    const cluster = new ConsulCluster(folder, servers, member(3, []));
    for (const { process } of [...servers, cluster.client]) process.spawn();
    await cluster.http.ready();
    return cluster;
  }

  /** Through the client agent. */
  get http(): ConsulHttp {
    return this.client.http;
  }

  /** Of the servers, each of which is an agent too. */
  get serverAddresses(): readonly string[] {
    return this.servers.map(({ http }) => http.address);
  }

  /** The number of the server that leads, as the client agent sees it. */
  async leader(): Promise<number> {
    return eventually(async () => {
      const leader = await this.http.get<string>('/status/leader');
      const i = this.servers.findIndex(({ rpcPort }) => leader === `127.0.0.1:${rpcPort}`);
      return i < 0 ? false : { i };
    }).then((found) => (found as { i: number }).i);
  }

  async kill(server: number): Promise<void> {
    await this.servers[server]!.process.kill();
  }

  restart(server: number): void {
    this.servers[server]!.process.spawn();
  }

  async stop(): Promise<void> {
    await Promise.all([this.client, ...this.servers].map(({ process }) => process.kill()));
    await rm(this.folder, { recursive: true, force: true });
  }
}
