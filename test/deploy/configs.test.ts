import { describe, expect, it } from 'vitest';
import type { Config } from '../../src/config/config.ts';
import { parseConfig } from '../../src/config/local-config.ts';
import { formatProblems } from '../../src/config/problems.ts';
import { composeFile, deployText, kubernetesObjects } from './deploy-files.ts';

const { services } = composeFile();
const manifest = kubernetesObjects().find((object) => object['kind'] === 'ConfigMap') as {
  data: Record<string, string>;
};

/** Every configuration in deploy/, with the environment that goes with it there. */
const CONFIGS = [
  ['compose/orders.yaml', deployText('compose/orders.yaml'), services['orders-sidecar']!.environment!],
  ['compose/web.yaml', deployText('compose/web.yaml'), services['web-sidecar']!.environment!],
  [
    'kubernetes/deployment.yaml',
    manifest.data['remora.yaml']!,
    { POD_NAME: 'web-1', POD_IP: '10.1.2.3', CONSUL_HTTP_ADDR: 'http://10.9.9.9:8500' },
  ],
] as const;

describe('the configurations in deploy/', () => {
  it.each(CONFIGS)('%s is valid', (_name, text, env) => {
    const config = parsed(text, env);
    expect(config.inbound?.address).toBe('ADDRESS' in env ? env['ADDRESS'] : env.POD_IP);
    expect(config.consul?.address).toBe(env.CONSUL_HTTP_ADDR);
    expect(config.service.register).not.toBeNull();
  });

  it.each(CONFIGS)('%s keeps everything but inbound on loopback', (_name, text, env) => {
    const { admin, outbound, upstreams } = parsed(text, env);
    const others = [admin, outbound, ...[...upstreams.values()].map(({ listen }) => listen)];
    expect(new Set(others.flatMap((one) => (one === null ? [] : [one.address])))).toEqual(new Set(['127.0.0.1']));
  });

  it('keeps the gRPC port where `remora status` looks for it, in all of them', () => {
    for (const [, text, env] of CONFIGS) expect(parsed(text, env).admin.grpcPort).toBe(15_010);
  });

  it('exports the traces of both Compose services', () => {
    for (const [, text, env] of CONFIGS.slice(0, 2)) {
      expect(parsed(text, env).telemetry).toMatchObject({
        otlp: { endpoint: 'http://collector:4318', protocol: 'http/protobuf' },
        sampleRatio: 1,
      });
    }
  });
});

function parsed(text: string, env: Readonly<Record<string, string>>): Config {
  const config = parseConfig(text, { env });
  if (Array.isArray(config)) throw new Error(formatProblems(config));
  return config as Config;
}
