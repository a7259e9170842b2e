import { expect, it } from 'vitest';
import { consulFromEnvironment, ignoredConsulVariables } from '../../src/discovery/consul-environment.ts';

it('says nothing when the environment does not', () => {
  expect(consulFromEnvironment({ PATH: '/bin', CONSUL_HTTP_ADDR: '' })).toEqual({});
});

it('reads every form of address Consul accepts', () => {
  const addressOf = (CONSUL_HTTP_ADDR: string, CONSUL_HTTP_SSL?: string) =>
    consulFromEnvironment({ CONSUL_HTTP_ADDR, CONSUL_HTTP_SSL }).address;
  expect(addressOf('10.0.0.1:8500')).toBe('http://10.0.0.1:8500');
  expect(addressOf('[::1]:8500')).toBe('http://[::1]:8500');
  expect(addressOf('http://c:8500')).toBe('http://c:8500');
  expect(addressOf('https://c:8501')).toBe('https://c:8501');
  expect(addressOf('unix:///run/consul.sock')).toBe('unix:///run/consul.sock');
  expect(addressOf('c:8501', 'true')).toBe('https://c:8501');
  expect(addressOf('http://c:8501', '1')).toBe('https://c:8501');
  expect(addressOf('c:8500', 'false')).toBe('http://c:8500');
  expect(addressOf('ftp://c')).toBe('ftp://c');
});

it('reads token, namespace and TLS settings', () => {
  expect(
    consulFromEnvironment({
      CONSUL_HTTP_TOKEN: 't',
      CONSUL_HTTP_TOKEN_FILE: '/t',
      CONSUL_DATACENTER: 'dc2',
      CONSUL_NAMESPACE: 'n',
      CONSUL_CACERT: '/ca',
      CONSUL_CLIENT_CERT: '/cert',
      CONSUL_CLIENT_KEY: '/key',
      CONSUL_TLS_SERVER_NAME: 's',
      CONSUL_HTTP_SSL_VERIFY: 'false',
    }),
  ).toEqual({
    token: 't',
    tokenFile: '/t',
    datacenter: 'dc2',
    namespace: 'n',
    tls: { caFile: '/ca', certFile: '/cert', keyFile: '/key', serverName: 's', verify: false },
  });
});

it('names the variables that Consul obeys and remora does not', () => {
  expect(ignoredConsulVariables({ CONSUL_HTTP_ADDR: 'c:8500', CONSUL_CAPATH: '' })).toEqual([]);
  const env = { CONSUL_PARTITION: 'p', CONSUL_HTTP_AUTH: 'me:secret', CONSUL_CAPATH: '/ca' };
  expect(ignoredConsulVariables(env)).toEqual(['CONSUL_HTTP_AUTH', 'CONSUL_CAPATH', 'CONSUL_PARTITION']);
});
