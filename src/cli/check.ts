import type { Config, UpstreamConfig } from '../config/config.ts';
import type { Environment } from '../config/environment.ts';
import { loadFile } from '../config/file.ts';
import { withoutCredentials } from '../config/hidden.ts';
import { formatProblems } from '../config/problems.ts';
import { warningsOf } from '../config/warnings.ts';
import { shardsOf } from '../route/shards/shard-options.ts';
import { routeLines } from './check-routes.ts';

export interface CheckOptions {
  /** `path=value`, laid over the file. */
  readonly set: readonly string[];
  readonly env: Environment;
  /** In ms since 1970. */
  wallMs(): number;
}

/** Where a command writes; a stream of the process fits. */
export interface CheckSink {
  write(text: string): unknown;
}

/**
 * `remora check`: would this file start a sidecar here? Says what it would listen at and where traffic would go, or
 * everything that is wrong with it. No port is opened and nobody is asked. The exit code is the verdict; a warning is
 * none.
 */
export function runCheck(path: string, { set, env, wallMs }: CheckOptions, out: CheckSink): number {
  const local = loadFile({ path, env, set, wallMs });
  if (Array.isArray(local)) {
    out.write(`${formatProblems(local)}\n`);
    return 1;
  }
  const warnings = warningsOf(local.config, wallMs()).map((line) => `warning: ${line}`);
  out.write(['ok', ...summary(local.config), ...warnings].join('\n') + '\n');
  return 0;
}

function summary(config: Config): string[] {
  const { service, inbound, outbound, consul, admin, telemetry } = config;
  const lines = [
    `service ${service.name} at ${at(service)}${service.register === null ? '' : ', registered in Consul'}`,
  ];
  if (inbound !== null) {
    const spoken = service.protocol === 'auto' ? '' : `, which speaks ${service.protocol}`;
    lines.push(`inbound ${inbound.protocol} on ${at(inbound)} to ${at(service)}${spoken}`);
  }
  if (outbound !== null) {
    const names = outbound.protocol === 'auto' ? 'Host or TLS server name' : 'Host';
    lines.push(
      `outbound ${outbound.protocol} on ${at(outbound)} by ${names}${outbound.discover ? ', also to services not declared' : ''}`,
    );
  }
  for (const upstream of config.upstreams.values()) {
    const endpoints = config.static.get(upstream.service);
    const source = endpoints === undefined ? `Consul service ${upstream.service}` : `${endpoints.length} static`;
    const where = doorsOf(upstream, outbound !== null);
    const parts = [...rolesOf(upstream), ...shardsIn(upstream)].map((part) => `, ${part}`).join('');
    lines.push(
      `upstream ${upstream.name} ${upstream.protocol} ${where} to ${source}, ${upstream.balancer.name}${parts}`,
    );
  }
  lines.push(...routeLines(config));
  if (consul !== null) lines.push(`consul ${withoutCredentials(consul.address)}`);
  lines.push(
    `admin on ${at(admin)}${admin.grpcPort === null ? '' : `, gRPC on ${at({ ...admin, port: admin.grpcPort })}`}`,
  );
  const { otlp } = telemetry;
  if (otlp !== null) lines.push(`traces to ${withoutCredentials(otlp.endpoint)} over ${otlp.protocol}`);
  return lines;
}

/** By which ports it is reached. The shared one knows an upstream by its Host, which opaque bytes have not. */
function doorsOf({ listen, protocol, roles }: UpstreamConfig, hasOutbound: boolean): string {
  const own = [
    ...(listen === null ? [] : [at(listen)]),
    ...ROLES.flatMap((role) => {
      const port = roles?.listen[role] ?? null;
      return port === null ? [] : [`${at(port)} (${role})`];
    }),
  ];
  const byHost = hasOutbound && protocol !== 'tcp';
  if (own.length === 0) return byHost ? 'by Host only' : 'that nothing leads to (no port of its own, no outbound)';
  return `on ${own.join(', ')}${listen === null && byHost ? ', and by Host' : ''}`;
}

const ROLES = ['primary', 'replica'] as const;

function rolesOf({ roles }: UpstreamConfig): readonly string[] {
  if (roles === null) return [];
  const { kind, from } = roles.rule;
  const whose = from.kind === 'tag' ? '' : ` ${from.kind === 'check' ? from.name : from.key}`;
  return [`${kind === 'multi_primary' ? 'several primaries' : 'roles'} by ${from.kind}${whose}`];
}

function shardsIn({ shards }: UpstreamConfig): readonly string[] {
  if (shards === null) return [];
  const { length } = shardsOf(shards.map);
  return [`${length} ${length === 1 ? 'shard' : 'shards'} (${shards.map.kind}, version ${shards.version})`];
}

function at({ address, port }: { readonly address: string; readonly port: number }): string {
  const host = address.includes(':') ? `[${address}]` : address;
  return port === 0 ? `${host}, any free port` : `${host}:${port}`;
}
