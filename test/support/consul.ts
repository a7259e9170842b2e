import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { eventually } from './eventually.ts';
import { freePorts } from './free-ports.ts';

export type ConsulBinary =
  | { readonly path: string; readonly missing: null }
  | { readonly path: null; readonly missing: string };

let found: Promise<ConsulBinary> | null = null;

/**
 * The Consul to test with: CONSUL_BIN, one on PATH, or one fetched once. Says why when there is none, and rejects then
 * where REMORA_NEEDS_CONSUL=1 says that tests must not be skipped.
 */
export function findConsul(): Promise<ConsulBinary> {
  found ??= new Promise((resolve, reject) => {
    const script = new URL('../../deploy/demo/get-consul.sh', import.meta.url).pathname;
    execFile('bash', [script], { timeout: 25_000 }, (error, stdout, stderr) => {
      if (error === null) return resolve({ path: stdout.trim(), missing: null });
      const why = stderr.trim().split('\n').at(-1) || error.message;
      const missing = `no Consul on this machine: ${why}`;
      if (process.env['REMORA_NEEDS_CONSUL'] === '1') return reject(new Error(missing));
      console.warn(`The tests that need Consul are skipped: ${missing}`);
      resolve({ path: null, missing });
    });
  });
  return found;
}

/** The title of a suite that needs Consul: says why when it is skipped. */
export function consulTitle(title: string, consul: ConsulBinary): string {
  return consul.missing === null ? title : `${title} (skipped: ${consul.missing})`;
}

export interface AgentOptions {
  /** ACLs on, everything denied, and this the token that may do everything. */
  readonly masterToken?: string;
  /** Who lists keys needs a right of its own to (`enable_key_list_policy`). */
  readonly listsNeedRights?: boolean;
  /** Listen for HTTP on a unix socket as well. */
  readonly withSocket?: boolean;
  /** Where its node is. */
  readonly zone?: string;
  /** Listen for HTTPS as well, for clients with a certificate. */
  readonly withTls?: boolean;
}

const running = new Set<ChildProcess>();
// A test that times out does not get to stop what it started.
process.on('exit', () => {
  for (const child of running) child.kill('SIGKILL');
});

/** A process of Consul that a test started and may kill. */
export class ConsulProcess {
  private child: ChildProcess | null = null;
  private log = '';

  constructor(
    private readonly binary: string,
    private readonly args: readonly string[],
    readonly http: ConsulHttp,
  ) {}

  get pid(): number {
    if (this.child?.pid === undefined) throw new Error('Consul does not run');
    return this.child.pid;
  }

  get output(): string {
    return this.log;
  }

  spawn(): void {
    const child = spawn(this.binary, ['agent', ...this.args], { stdio: ['ignore', 'pipe', 'pipe'] });
    const keep = (bytes: Buffer): void => {
      this.log = (this.log + bytes.toString()).slice(-20_000);
    };
    child.stdout.on('data', keep);
    child.stderr.on('data', keep);
    this.child = child;
    running.add(child);
    child.once('exit', () => running.delete(child));
  }

  get isRunning(): boolean {
    return this.child !== null && this.child.exitCode === null && this.child.signalCode === null;
  }

  signal(signal: NodeJS.Signals): void {
    if (this.isRunning) this.child?.kill(signal);
  }

  /** Kill -9, and wait until it is gone. */
  async kill(): Promise<void> {
    const { child } = this;
    if (child === null || !this.isRunning) return;
    const gone = new Promise((resolve) => child.once('exit', resolve));
    child.kill('SIGKILL');
    await gone;
  }
}

/** Consul's HTTP interface for tests: what an operator or another service would do. */
export class ConsulHttp {
  constructor(
    readonly port: number,
    private readonly token: string | null = null,
  ) {}

  get address(): string {
    return `http://127.0.0.1:${this.port}`;
  }

  call(method: string, path: string, body?: unknown): Promise<{ readonly status: number; readonly text: string }> {
    return new Promise((resolve, reject) => {
      const headers = this.token === null ? {} : { 'x-consul-token': this.token };
      const asked = request({ host: '127.0.0.1', port: this.port, path: `/v1${path}`, method, headers, agent: false });
      asked.setTimeout(5_000, () => asked.destroy(new Error(`${method} ${path}: no answer within 5 s`)));
      asked.on('error', reject);
      asked.on('response', (answer) => {
        const parts: Buffer[] = [];
        answer.on('data', (part: Buffer) => parts.push(part));
        answer.on('error', reject);
        answer.on('end', () => resolve({ status: answer.statusCode ?? 0, text: Buffer.concat(parts).toString() }));
      });
      asked.end(body === undefined ? undefined : typeof body === 'string' ? body : JSON.stringify(body));
    });
  }

  async put(path: string, body?: unknown): Promise<string> {
    const { status, text } = await this.call('PUT', path, body);
    if (status !== 200) throw new Error(`PUT ${path}: ${status} ${text}`);
    return text;
  }

  async get<T>(path: string): Promise<T> {
    const { status, text } = await this.call('GET', path);
    if (status !== 200) throw new Error(`GET ${path}: ${status} ${text}`);
    return JSON.parse(text) as T;
  }

  /** Registers an instance with a TTL check `<id>-check` that passes. */
  register(name: string, id: string, port: number, more: object = {}): Promise<string> {
    return this.put('/agent/service/register', {
      Name: name,
      ID: id,
      Address: '127.0.0.1',
      Port: port,
      Check: { CheckID: `${id}-check`, TTL: '10m', Status: 'passing' },
      ...more,
    });
  }

  /** Registers an instance on another node, which nobody checks. */
  registerElsewhere(name: string, id: string, port: number, zone: string): Promise<string> {
    const service = { ID: id, Service: name, Address: '127.0.0.1', Port: port };
    return this.put('/catalog/register', {
      Node: `node-${zone}`,
      Address: '127.0.0.1',
      NodeMeta: { zone },
      Service: service,
    });
  }

  setCheck(id: string, status: 'passing' | 'warning' | 'critical'): Promise<string> {
    return this.put(`/agent/check/update/${id}-check`, { Status: status });
  }

  /** Until there is a leader and a write goes through. */
  async ready(withinMs = 30_000): Promise<void> {
    await eventually(async () => {
      if ((await this.get<string>('/status/leader')) === '') return false;
      return (await this.put('/kv/test/ready', 'yes')).trim() === 'true';
    }, withinMs);
  }
}

/** Where the HTTPS listener is, and the files of a client that may use it. */
export interface AgentTls {
  readonly address: string;
  readonly caFile: string;
  readonly certFile: string;
  readonly keyFile: string;
}

/** Consul's own little CA: an authority, a certificate for the agent and one for a client. */
async function makeCertificates(binary: string, folder: string): Promise<void> {
  for (const args of [
    ['ca', 'create'],
    ['cert', 'create', '-server'],
    ['cert', 'create', '-client'],
  ]) {
    await promisify(execFile)(binary, ['tls', ...args], { cwd: folder });
  }
}

/** A dev agent: one server, all in memory, so that a restart loses everything. */
export class ConsulAgent {
  private constructor(
    private readonly process: ConsulProcess,
    private readonly folder: string,
    readonly http: ConsulHttp,
    readonly socketPath: string | null,
    readonly tls: AgentTls | null,
  ) {}

  static async start(binary: string, options: AgentOptions = {}): Promise<ConsulAgent> {
    // Between asking the kernel for ports and Consul's binding them somebody else may take one.
    for (let attempt = 1; ; attempt++) {
      const agent = await ConsulAgent.prepare(binary, options);
      try {
        await agent.restart();
        return agent;
      } catch (error) {
        await agent.stop();
        if (attempt === 3) throw error;
      }
    }
  }

  private static async prepare(binary: string, options: AgentOptions): Promise<ConsulAgent> {
    const folder = await mkdtemp(join(tmpdir(), 'remora-consul-'));
    const [http, serfLan, serfWan, rpc, https] = await freePorts(5);
    const socketPath = options.withSocket ? join(folder, 'http.sock') : null;
    const file = (name: string): string => join(folder, name);
    let tls: AgentTls | null = null;
    if (options.withTls) {
      await makeCertificates(binary, folder);
      const [caFile, certFile, keyFile] = [
        'consul-agent-ca.pem',
        'dc1-client-consul-0.pem',
        'dc1-client-consul-0-key.pem',
      ].map(file);
      tls = { address: `https://127.0.0.1:${https}`, caFile: caFile!, certFile: certFile!, keyFile: keyFile! };
    }
    const settings = [
      ...(tls === null
        ? []
        : [
            `ports { https = ${https} } verify_incoming_https = true ca_file = "${tls.caFile}"`,
            `cert_file = "${file('dc1-server-consul-0.pem')}" key_file = "${file('dc1-server-consul-0-key.pem')}"`,
          ]),
      'disable_update_check = true',
      ...(options.zone === undefined ? [] : [`node_meta { zone = "${options.zone}" }`]),
      ...(socketPath === null
        ? []
        : [`addresses { http = "127.0.0.1 unix://${socketPath}" } unix_sockets { mode = "0600" }`]),
      ...(options.masterToken === undefined
        ? []
        : [
            `acl { enabled = true default_policy = "deny"${options.listsNeedRights ? ' enable_key_list_policy = true' : ''} tokens { master = "${options.masterToken}" } }`,
          ]),
    ];
    const args = [
      ...['-dev', '-node', 'n1', '-bind', '127.0.0.1', '-client', '127.0.0.1', '-log-level', 'warn'],
      ...[
        '-http-port',
        `${http}`,
        '-serf-lan-port',
        `${serfLan}`,
        '-serf-wan-port',
        `${serfWan}`,
        '-server-port',
        `${rpc}`,
      ],
      ...['-grpc-port', '-1', '-dns-port', '-1', '-hcl', settings.join('\n')],
    ];
    const caller = new ConsulHttp(http!, options.masterToken ?? null);
    return new ConsulAgent(new ConsulProcess(binary, args, caller), folder, caller, socketPath, tls);
  }

  get pid(): number {
    return this.process.pid;
  }

  /** `SIGSTOP` makes it silent without taking its ports away. */
  signal(signal: NodeJS.Signals): void {
    this.process.signal(signal);
  }

  kill(): Promise<void> {
    return this.process.kill();
  }

  /** Starts it, on the same ports and with nothing of what it knew. */
  async restart(): Promise<void> {
    await this.process.kill();
    this.process.spawn();
    try {
      await this.http.ready(15_000);
    } catch (error) {
      throw new Error(`Consul does not start: ${this.process.output}`, { cause: error });
    }
  }

  async stop(): Promise<void> {
    await this.process.kill();
    await rm(this.folder, { recursive: true, force: true });
  }
}
