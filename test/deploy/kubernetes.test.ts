import { execFile, spawn } from 'node:child_process';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { kubernetesComplaints, kubernetesObjects, seconds, type WrittenConfig } from './deploy-files.ts';

interface Container {
  readonly name: string;
  readonly restartPolicy?: string;
  readonly args?: readonly string[];
  readonly env: readonly { readonly name: string; readonly value?: string }[];
  readonly ports?: readonly { readonly containerPort: number }[];
  readonly lifecycle: {
    readonly preStop: {
      readonly sleep?: { readonly seconds: number };
      readonly exec?: { readonly command: readonly string[] };
    };
  };
  readonly startupProbe?: unknown;
  readonly readinessProbe?: unknown;
  readonly volumeMounts?: readonly { readonly name: string; readonly mountPath: string }[];
}

interface PodSpec {
  readonly terminationGracePeriodSeconds: number;
  readonly initContainers: readonly Container[];
  readonly containers: readonly Container[];
  readonly volumes: readonly { readonly name: string; readonly configMap?: { readonly name: string } }[];
}

const objects = kubernetesObjects();
const configMap = ofKind('ConfigMap') as { metadata: { name: string }; data: Record<string, string> };
const deployment = ofKind('Deployment') as { spec: { template: { spec: PodSpec } } };
const pod = deployment.spec.template.spec;
const sidecar = pod.initContainers[0]!;
const service = pod.containers[0]!;
const written = configMap.data['remora.yaml']!;
const config = parse(written) as WrittenConfig;

describe('deploy/kubernetes/deployment.yaml', () => {
  it.each(objects.map((object) => [object['kind'], object]))(
    'has a %s that fits the schema of Kubernetes',
    (_, object) => {
      expect(kubernetesComplaints(object as Record<string, unknown>)).toEqual([]);
    },
  );

  it('would be refused with a field that Kubernetes does not know', () => {
    const wrong = structuredClone(deployment) as unknown as Record<string, unknown>;
    ((wrong['spec'] as typeof deployment.spec).template.spec.containers[0] as { command2?: string }).command2 = 'x';
    expect(kubernetesComplaints(wrong)).toEqual([expect.stringContaining('"additionalProperty":"command2"')]);
  });

  it('runs remora as a native sidecar that the service waits for', () => {
    expect(sidecar.restartPolicy).toBe('Always');
    expect([sidecar.startupProbe, sidecar.readinessProbe]).toEqual([expect.anything(), expect.anything()]);
  });

  it('mounts the configuration where remora looks for it', () => {
    const volume = pod.volumes.find((one) => one.configMap?.name === configMap.metadata.name)!;
    const { mountPath } = sidecar.volumeMounts!.find((one) => one.name === volume.name)!;
    expect(sidecar.args).toEqual(['run', '-c', `${mountPath}/remora.yaml`]);
  });

  it('sets every variable that the configuration refers to', () => {
    const wanted = [...written.matchAll(/\$\{env:(\w+)\}/g)].map((match) => match[1]);
    expect(wanted).toEqual(['POD_NAME', 'POD_IP']);
    expect(sidecar.env.map(({ name }) => name)).toEqual(expect.arrayContaining(wanted));
  });

  it('sets variables before others use them', () => {
    sidecar.env.forEach(({ value = '' }, i) => {
      const before = sidecar.env.slice(0, i).map(({ name }) => name);
      for (const [, used] of value.matchAll(/\$\((\w+)\)/g)) expect(before).toContain(used);
    });
  });

  it('names the ports that the configuration opens', () => {
    expect(sidecar.ports?.map(({ containerPort }) => containerPort)).toEqual([config.inbound.port]);
    const url = new URL(service.env.find(({ name }) => name === 'ORDERS_URL')?.value ?? '');
    expect(Number(url.port)).toBe(config.upstreams?.['orders']?.port);
  });

  it('signals remora once, and holds the signal of Kubernetes back until remora has ended', async () => {
    const [shell, flag, script] = sidecar.lifecycle.preStop.exec!.command;
    expect([shell, flag]).toEqual(['/bin/sh', '-c']);
    // In place of process 1: one that counts its signals and takes its time to end.
    const remora = spawn('/bin/sh', [
      '-c',
      'trap "echo TERM; n=1" TERM; echo up; while [ -z "$n" ]; do sleep 0.1; done; sleep 0.5; echo end',
    ]);
    let said = '';
    const up = Promise.withResolvers<void>();
    remora.stdout.on('data', (bytes: Buffer) => {
      said += bytes.toString();
      up.resolve();
    });
    await up.promise;
    await promisify(execFile)(shell!, [flag!, script!.replaceAll(/\b1\b/g, String(remora.pid))]);
    expect(said).toBe('up\nTERM\nend\n');
    expect(script).toContain('kill -TERM 1;');
  });

  it('keeps the service answering until callers have left, and gives remora the time it may take', () => {
    const { propagation = '', timeout = '' } = config.shutdown ?? {};
    const sleep = service.lifecycle.preStop.sleep!.seconds;
    expect(sleep).toBeGreaterThan(seconds(propagation));
    expect(pod.terminationGracePeriodSeconds).toBeGreaterThan(seconds(timeout) + 5);
    expect(pod.terminationGracePeriodSeconds).toBeGreaterThan(sleep + 5);
  });
});

function ofKind(kind: string): unknown {
  return objects.find((object) => object['kind'] === kind);
}
