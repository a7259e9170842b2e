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
  return kind === 'file' ? file : new InConsul(file).schemaOf(kind);
}

const GUARD = {
  type: 'boolean',
  description: 'Whether the document may take away every upstream, or every route, at once. When not given: false.',
};

/** The schema of the file, on its way to that of a document in Consul. Parts that it has several times are definitions. */
class InConsul {
  private readonly definitions: Node;

  constructor(private readonly file: Node) {
    this.definitions = isMap(file['definitions']) ? file['definitions'] : {};
  }

  schemaOf(kind: 'mesh' | 'service'): unknown {
    const { definitions: _parts, $schema, title: _title, ...root } = this.file;
    const definitions = Object.fromEntries(
      Object.entries(this.definitions).map(([name, part]) => [name, this.convert(part)]),
    );
    const { properties, ...rest } = this.convert(kind === 'mesh' ? root : this.upstream()) as Node;
    const { service: _named, ...keys } = properties as Node;
    const title = kind === 'mesh' ? 'remora document of the mesh or of a caller' : 'remora document of a service';
    return { $schema, title, ...rest, properties: { ...keys, allowEmpty: GUARD }, definitions };
  }

  private upstream(): unknown {
    const upstreams = this.resolve((this.file['properties'] as Node)['upstreams']);
    return this.resolve(upstreams['additionalProperties']);
  }

  private convert(node: unknown): unknown {
    if (Array.isArray(node)) return node.map((item) => this.convert(item));
    if (!isMap(node)) return node;
    const { required: _required, default: _default, properties, ...rest } = node;
    const inner = Object.fromEntries(
      Object.entries(rest).map(([key, value]) => [
        key,
        isItemOfMap(key, value) ? this.orNull(value) : this.convert(value),
      ]),
    );
    if (!isMap(properties)) return inner;
    const kept = Object.entries(properties).filter(([, property]) => !this.isLocal(property));
    return { ...inner, properties: Object.fromEntries(kept.map(([key, property]) => [key, this.orNull(property)])) };
  }

  private orNull(property: unknown): unknown {
    const { description } = this.resolve(property);
    const either = { anyOf: [this.convert(property), { type: 'null' }] };
    return description === undefined ? either : { ...either, description };
  }

  /** By its own scope, or because all that it holds is. */
  private isLocal(property: unknown): boolean {
    const { description, properties } = this.resolve(property);
    if (typeof description === 'string' && description.endsWith('[local]')) return true;
    if (!isMap(properties) || Object.keys(properties).length === 0) return false;
    return Object.values(properties).every((inner) => this.isLocal(inner));
  }

  /** What a reference says beside itself counts before what it refers to. */
  private resolve(node: unknown): Node {
    if (!isMap(node)) return {};
    const name = /^#\/definitions\/(.+)$/.exec(String(node['$ref'] ?? ''))?.[1];
    const others = Array.isArray(node['allOf']) && node['allOf'].length === 1 ? node['allOf'][0] : null;
    const meant = name === undefined ? others : this.definitions[name];
    return meant === null || meant === undefined ? node : { ...this.resolve(meant), ...node };
  }
}

function isItemOfMap(key: string, value: unknown): boolean {
  return key === 'additionalProperties' && isMap(value);
}
