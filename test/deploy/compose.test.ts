import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import {
  type ComposeService,
  composeComplaints,
  composeFile,
  deployYaml,
  seconds,
  type WrittenConfig,
} from './deploy-files.ts';

const { services } = composeFile();
const PAIRS = Object.entries(services).flatMap(([name, sidecar]) => {
  const host = /^service:(.+)$/.exec(sidecar.network_mode ?? '')?.[1];
  return host === undefined ? [] : [{ name, sidecar, host, service: services[host]!, config: configOf(sidecar) }];
});

describe('deploy/compose/compose.yaml', () => {
  it('fits the schema of the Compose Specification', () => {
    expect(composeComplaints(composeFile())).toEqual([]);
  });

  it('would be refused with a key that Compose does not know', () => {
    const wrong = { services: { web: { image: 'web', netwrok_mode: 'host' } } };
    expect(composeComplaints(wrong)).toEqual([expect.stringContaining('"additionalProperty":"netwrok_mode"')]);
  });

  it('mounts files that exist', () => {
    for (const volume of Object.values(services).flatMap((service) => service.volumes ?? [])) {
      const [source] = volume.split(':');
      expect(existsSync(new URL(`../../deploy/compose/${source}`, import.meta.url)), volume).toBe(true);
    }
  });

  it('has a sidecar for both services', () => {
    expect(PAIRS.map(({ host }) => host)).toEqual(['orders', 'web']);
  });

  it.each(PAIRS)('gives $name the address of its service', ({ sidecar, service }) => {
    const { mesh } = service.networks as { mesh: { ipv4_address: string } };
    expect(sidecar.environment?.['ADDRESS']).toBe(mesh.ipv4_address);
  });

  it.each(PAIRS)('lets $name point at its service', ({ host, service, config }) => {
    expect([config.service.name, config.service.port]).toEqual([host, Number(service.environment?.['PORT'])]);
  });

  it.each(PAIRS)('stops $name before its service, and waits for it', ({ sidecar, host, config }) => {
    expect(Object.keys(sidecar.depends_on ?? {})).toContain(host);
    expect(seconds(sidecar.stop_grace_period ?? '10s')).toBeGreaterThan(seconds(config.shutdown?.timeout ?? '30s'));
  });

  it('publishes the inbound port of web, so that requests come through its sidecar', () => {
    const web = PAIRS.find(({ host }) => host === 'web')!;
    expect(web.service.ports).toEqual([`127.0.0.1:8080:${web.config.inbound.port}`]);
  });

  it('lets web call orders through its sidecar', () => {
    const web = PAIRS.find(({ host }) => host === 'web')!;
    const call = new URL(web.service.environment?.['CALL'] ?? '');
    expect([call.hostname, Number(call.port)]).toEqual(['127.0.0.1', web.config.upstreams?.['orders']?.port]);
  });
});

describe('deploy/compose/collector.yaml', () => {
  const collector = deployYaml<{
    receivers: { otlp: { protocols: { http: { endpoint: string } } } };
    service: { pipelines: Record<string, Record<'receivers' | 'processors' | 'exporters', readonly string[]>> };
    [part: string]: unknown;
  }>('compose/collector.yaml');

  it('builds its pipelines from parts that it declares', () => {
    for (const pipeline of Object.values(collector.service.pipelines)) {
      for (const [kind, names] of Object.entries(pipeline)) {
        expect(Object.keys(collector[kind] as object)).toEqual(expect.arrayContaining([...names]));
      }
    }
  });

  it.skipIf(spawnSync('otelcol', ['--version']).status !== 0)('is accepted by the collector itself', () => {
    const path = fileURLToPath(new URL('../../deploy/compose/collector.yaml', import.meta.url));
    const { status, stderr } = spawnSync('otelcol', ['validate', `--config=${path}`], { encoding: 'utf8' });
    expect(stderr).toBe('');
    expect(status).toBe(0);
  });

  it('listens where the sidecars export to', () => {
    const port = /:(\d+)$/.exec(collector.receivers.otlp.protocols.http.endpoint)?.[1];
    for (const { sidecar } of PAIRS) {
      expect(sidecar.environment).toMatchObject({
        OTEL_EXPORTER_OTLP_ENDPOINT: `http://collector:${port}`,
        OTEL_EXPORTER_OTLP_PROTOCOL: 'http/protobuf',
      });
    }
  });
});

function configOf(sidecar: ComposeService): WrittenConfig {
  const source = sidecar.volumes?.find((volume) => volume.includes('/etc/remora/'))?.split(':')[0];
  return deployYaml(`compose/${source}`);
}
