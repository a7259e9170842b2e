import { consulFromEnvironment } from '../discovery/consul-environment.ts';
import { isMap, type Layer, merge, SAME_PATH } from './layers.ts';
import { formatPath, type Path, valueAt } from './paths.ts';

export type Environment = Readonly<Record<string, string | undefined>>;

/**
 * The standard variables of Consul and OpenTelemetry as the lowest layer: they fill what the file leaves open. Only
 * `CONSUL_HTTP_ADDR` and `OTEL_EXPORTER_OTLP_ENDPOINT` can switch something on; the others complete a section that is
 * there already. Where the file chose (a token, say), the environment's answer to the same question is not taken, so
 * that no contradiction can come together from two places.
 *
 * `local` is what the file and the flags say.
 */
export function environmentLayer(env: Environment, local: unknown): Layer {
  const settings = new Settings();
  if (isMap(valueAt(local, ['consul'])) || isGiven(env['CONSUL_HTTP_ADDR'])) takeConsul(env, local, settings);
  if (isMap(valueAt(local, ['telemetry', 'otlp'])) || isGiven(env['OTEL_EXPORTER_OTLP_ENDPOINT']))
    takeOtlp(env, settings);
  const place: Layer['place'] = (path) => {
    const variable = settings.variables.get(formatPath(path));
    return variable === undefined ? null : { source: `environment ${variable}`, line: null, column: null };
  };
  return { value: settings.value, written: settings.value, place, whole: null, pathIn: SAME_PATH };
}

class Settings {
  value: unknown = {};
  readonly variables = new Map<string, string>();

  set(path: Path, value: unknown, variable: string): void {
    if (value === undefined) return;
    const nested = path.reduceRight<unknown>((inner, key) => ({ [key]: inner }), value);
    this.value = merge(this.value, nested);
    this.variables.set(formatPath(path), variable);
  }
}

function takeConsul(env: Environment, local: unknown, settings: Settings): void {
  const said = consulFromEnvironment(env);
  settings.set(['consul', 'address'], said.address, 'CONSUL_HTTP_ADDR');
  settings.set(['consul', 'datacenter'], said.datacenter, 'CONSUL_DATACENTER');
  settings.set(['consul', 'namespace'], said.namespace, 'CONSUL_NAMESPACE');

  const hasToken = ['token', 'tokenFile'].some((key) => valueAt(local, ['consul', key]) !== undefined);
  if (!hasToken && said.tokenFile !== undefined) {
    settings.set(['consul', 'tokenFile'], said.tokenFile, 'CONSUL_HTTP_TOKEN_FILE');
  } else if (!hasToken) {
    settings.set(['consul', 'token'], said.token, 'CONSUL_HTTP_TOKEN');
  }

  // An environment made for the whole machine may name a CA though this agent is asked in the clear.
  const address = valueAt(local, ['consul', 'address']) ?? said.address;
  if (typeof address !== 'string' || !address.startsWith('https://')) return;
  for (const [key, variable] of TLS_VARIABLES) settings.set(['consul', 'tls', key], said.tls?.[key], variable);
}

const TLS_VARIABLES = [
  ['caFile', 'CONSUL_CACERT'],
  ['certFile', 'CONSUL_CLIENT_CERT'],
  ['keyFile', 'CONSUL_CLIENT_KEY'],
  ['serverName', 'CONSUL_TLS_SERVER_NAME'],
  ['verify', 'CONSUL_HTTP_SSL_VERIFY'],
] as const;

function takeOtlp(env: Environment, settings: Settings): void {
  const take = (key: string, variable: string, read: (text: string) => unknown = (text) => text): void => {
    const text = env[variable];
    if (isGiven(text)) settings.set(['telemetry', 'otlp', key], read(text), variable);
  };
  take('endpoint', 'OTEL_EXPORTER_OTLP_ENDPOINT');
  take('protocol', 'OTEL_EXPORTER_OTLP_PROTOCOL');
  take('headers', 'OTEL_EXPORTER_OTLP_HEADERS', readHeaders);
}

/**
 * `key=value,key=value` with percent-encoded values, as OpenTelemetry takes them from W3C Baggage. Other text stays
 * text, and is refused as such.
 */
function readHeaders(text: string): unknown {
  const headers = new Map<string, string>();
  for (const part of text.split(',').filter((item) => item.trim() !== '')) {
    const equalsAt = part.indexOf('=');
    if (equalsAt < 1) return text;
    headers.set(part.slice(0, equalsAt).trim().toLowerCase(), percentDecoded(part.slice(equalsAt + 1).trim()));
  }
  return Object.fromEntries(headers);
}

function percentDecoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text; // a lone % is meant as one
  }
}

/** An empty variable is an unset one: Compose files and unit files cannot always unset. */
function isGiven(value: string | undefined): value is string {
  return value !== undefined && value !== '';
}
