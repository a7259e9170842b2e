import { readFileSync } from 'node:fs';
import { Ajv, type ErrorObject } from 'ajv';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { parse, parseAllDocuments } from 'yaml';

const ROOT = new URL('../../', import.meta.url);

export interface ComposeService {
  readonly image: string;
  readonly command: readonly string[];
  readonly environment?: Readonly<Record<string, string>>;
  readonly volumes?: readonly string[];
  readonly ports?: readonly string[];
  readonly networks?: unknown;
  readonly network_mode?: string;
  readonly depends_on?: Readonly<Record<string, { readonly condition: string }>>;
  readonly stop_grace_period?: string;
}

export interface ComposeFile {
  readonly services: Readonly<Record<string, ComposeService>>;
}

/** The parts of a sidecar's configuration that files of `deploy/` refer to. */
export interface WrittenConfig {
  readonly service: { readonly name: string; readonly id?: string; readonly port: number };
  readonly inbound: { readonly address: string; readonly port: number };
  readonly upstreams?: Readonly<Record<string, { readonly port: number }>>;
  readonly shutdown?: { readonly propagation?: string; readonly timeout?: string };
}

export function deployText(path: string): string {
  return readFileSync(new URL(`deploy/${path}`, ROOT), 'utf8');
}

export function deployYaml<T>(path: string): T {
  return parse(deployText(path)) as T;
}

export function composeFile(): ComposeFile {
  return deployYaml('compose/compose.yaml');
}

export function kubernetesObjects(): readonly Readonly<Record<string, unknown>>[] {
  return parseAllDocuments(deployText('kubernetes/deployment.yaml')).map((document) => document.toJS());
}

/** What the Compose Specification has against a file; empty when it fits. */
export function composeComplaints(file: unknown): readonly string[] {
  const { $schema: _https, ...schema } = fixture('compose-spec.json'); // ajv knows this draft by its http address only
  const validate = new Ajv({ strict: false, allErrors: true, validateFormats: false }).compile(schema);
  return validate(file) ? [] : complaints(validate.errors);
}

/** What Kubernetes has against an object; unknown fields are complaints too. */
export function kubernetesComplaints(object: Readonly<Record<string, unknown>>): readonly string[] {
  const ajv = new Ajv2020({ strict: false, allErrors: true, validateFormats: false });
  ajv.addSchema(fixture('kubernetes-1.33.json'), 'kubernetes');
  const group = object['apiVersion'] === 'apps/v1' ? 'apps.v1' : 'core.v1';
  const validate = ajv.getSchema(`kubernetes#/$defs/io.k8s.api.${group}.${object['kind']}`);
  if (validate === undefined) return [`no schema for ${object['apiVersion']} ${object['kind']}`];
  return validate(object) === true ? [] : complaints(validate.errors);
}

/** `35s` as 35. */
export function seconds(text: string): number {
  const digits = /^(\d+)s$/.exec(text)?.[1];
  if (digits === undefined) throw new Error(`"${text}" is not a number of seconds`);
  return Number(digits);
}

function fixture(name: string): Record<string, unknown> {
  return JSON.parse(readFileSync(new URL(`test/fixtures/schemas/${name}`, ROOT), 'utf8'));
}

function complaints(errors: readonly ErrorObject[] | null | undefined): readonly string[] {
  return (errors ?? []).map(
    ({ instancePath, message, params }) => `${instancePath} ${message} ${JSON.stringify(params)}`,
  );
}
