import type { ConsulOptions } from './options.ts';

/** What the environment says of Consul; a field that is absent was not said. */
export type ConsulEnvironment = Partial<Omit<ConsulOptions, 'tls'>> & { readonly tls?: Partial<ConsulOptions['tls']> };

type Written<T> = { -readonly [K in keyof T]: T[K] };

const IGNORED = ['CONSUL_HTTP_AUTH', 'CONSUL_CAPATH', 'CONSUL_PARTITION'] as const;

/** Variables that Consul's own command line obeys and this program does not: silence would be a riddle. */
export function ignoredConsulVariables(env: Readonly<Record<string, string | undefined>>): readonly string[] {
  return IGNORED.filter((name) => env[name]);
}

/** The `CONSUL_*` variables that Consul's own command line reads, so that a sidecar needs no second way to be told. */
export function consulFromEnvironment(env: Readonly<Record<string, string | undefined>>): ConsulEnvironment {
  const said: Written<ConsulEnvironment> = {};
  const address = env['CONSUL_HTTP_ADDR'];
  if (address) said.address = fullAddress(address, isTrue(env['CONSUL_HTTP_SSL']));
  if (env['CONSUL_HTTP_TOKEN']) said.token = env['CONSUL_HTTP_TOKEN'];
  if (env['CONSUL_HTTP_TOKEN_FILE']) said.tokenFile = env['CONSUL_HTTP_TOKEN_FILE'];
  if (env['CONSUL_DATACENTER']) said.datacenter = env['CONSUL_DATACENTER'];
  if (env['CONSUL_NAMESPACE']) said.namespace = env['CONSUL_NAMESPACE'];

  const tls: Written<Partial<ConsulOptions['tls']>> = {};
  if (env['CONSUL_CACERT']) tls.caFile = env['CONSUL_CACERT'];
  if (env['CONSUL_CLIENT_CERT']) tls.certFile = env['CONSUL_CLIENT_CERT'];
  if (env['CONSUL_CLIENT_KEY']) tls.keyFile = env['CONSUL_CLIENT_KEY'];
  if (env['CONSUL_TLS_SERVER_NAME']) tls.serverName = env['CONSUL_TLS_SERVER_NAME'];
  if (env['CONSUL_HTTP_SSL_VERIFY']) tls.verify = isTrue(env['CONSUL_HTTP_SSL_VERIFY']);
  if (Object.keys(tls).length > 0) said.tls = tls;
  return said;
}

/** Consul accepts a bare `host:port`, and `CONSUL_HTTP_SSL` turns `http` into `https`. */
function fullAddress(address: string, secure: boolean): string {
  const scheme = /^https?:\/\//i.exec(address)?.[0] ?? '';
  // A scheme that is not ours is handed on as it is: whoever validates addresses says what is wrong with it.
  if (scheme === '' && address.includes('://')) return address;
  const isSecure = secure || scheme.toLowerCase() === 'https://';
  return `${isSecure ? 'https' : 'http'}://${address.slice(scheme.length)}`;
}

function isTrue(text: string | undefined): boolean {
  return /^(1|t|true)$/i.test(text ?? '');
}
