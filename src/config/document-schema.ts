import { jsonSchema } from './json-schema.ts';
import { isMap } from './layers.ts';

/** `mesh` is the shape of callers' documents too. */
export type DocumentKind = 'file' | 'mesh' | 'service';

type Node = Readonly<Record<string, unknown>>;

/**
 * The schema of one kind of document, for editors. What stands in Consul has no settings of scope local, requires
 * nothing, and may take any value away with null.
 */
export function documentSchema(kind: DocumentKind): unknown {
  const file = jsonSchema() as Node;
  if (kind === 'file') return file;
  const { $schema, definitions } = file;
  const frame = { $schema, ...(definitions === undefined ? {} : { definitions }) };
  const mesh = inConsul(file) as Node;
  if (kind === 'mesh') return { ...frame, ...withGuard(mesh), title: 'remora document of the mesh or of a caller' };
  const upstream = inConsul(upstreamIn(file)) as Node;
  const { service: _named, ...properties } = upstream['properties'] as Node;
  return { ...frame, ...withGuard({ ...upstream, properties }), title: 'remora document of a service' };
}

const GUARD = {
  type: 'boolean',
  description: 'Whether the document may take away every upstream, or every route, at once. When not given: false.',
};

function withGuard(root: Node): Node {
  return { ...root, properties: { ...(root['properties'] as Node), allowEmpty: GUARD } };
}

function upstreamIn(file: Node): unknown {
  const { upstreams } = file['properties'] as Readonly<Record<string, Node>>;
  return upstreams?.['additionalProperties'];
}

function inConsul(node: unknown): unknown {
  if (Array.isArray(node)) return node.map(inConsul);
  if (!isMap(node)) return node;
  const { required: _required, default: _default, properties, ...rest } = node;
  const inner = Object.fromEntries(Object.entries(rest).map(([key, value]) => [key, inConsul(value)]));
  if (!isMap(properties)) return inner;
  const kept = Object.entries(properties).filter(([, property]) => !isLocal(property));
  return { ...inner, properties: Object.fromEntries(kept.map(([key, property]) => [key, orNull(inConsul(property))])) };
}

function orNull(property: unknown): unknown {
  return { anyOf: [property, { type: 'null' }], ...descriptionOf(property) };
}

function descriptionOf(property: unknown): object {
  const text = isMap(property) ? property['description'] : undefined;
  return text === undefined ? {} : { description: text };
}

/** By its own scope, or because all that it holds is. */
function isLocal(property: unknown): boolean {
  if (!isMap(property)) return false;
  if (String(property['description'] ?? '').endsWith('[local]')) return true;
  const { properties } = property;
  return isMap(properties) && Object.keys(properties).length > 0 && Object.values(properties).every(isLocal);
}
