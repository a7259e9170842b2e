import type { z } from 'zod';
import { FACTS, type FieldFacts, type Scope } from './field.ts';
import type { Path } from './paths.ts';

type Schema = z.core.$ZodType;

/** What a schema is once defaults, transformations and short forms are taken off. */
export type Kind =
  | { readonly kind: 'map'; readonly keys: ReadonlyMap<string, Schema> }
  | { readonly kind: 'record'; readonly item: Schema }
  | { readonly kind: 'list'; readonly item: Schema }
  | { readonly kind: 'value' };

export function kindOf(schema: Schema): Kind {
  const known = KINDS.get(schema);
  if (known !== undefined) return known;
  const kind = findKind(schema);
  KINDS.set(schema, kind);
  return kind;
}

/** Schemas never change, and documents of thousands of keys ask about the same few. */
const KINDS = new WeakMap<Schema, Kind>();
const SCOPES = new WeakMap<Schema, ReadonlySet<Scope>>();

function findKind(schema: Schema): Kind {
  const { def } = (schema as z.core.$ZodTypes)._zod;
  switch (def.type) {
    case 'optional':
    case 'prefault':
      return kindOf(def.innerType);
    case 'pipe':
      return kindOf(isTransform(def.in) ? def.out : def.in);
    case 'union':
      return def.options.map(kindOf).find(({ kind }) => kind !== 'value') ?? { kind: 'value' };
    case 'object':
      return { kind: 'map', keys: new Map(Object.entries(def.shape)) };
    case 'record':
      return { kind: 'record', item: def.valueType };
    case 'array':
      return { kind: 'list', item: def.element };
    default:
      return { kind: 'value' };
  }
}

/** The schema behind a path; null when there is no such key. */
export function schemaAt(root: Schema, path: Path): Schema | null {
  let schema = root;
  for (const step of path) {
    const kind = kindOf(schema);
    if (kind.kind === 'value') return null;
    const next = kind.kind === 'map' ? kind.keys.get(String(step)) : itemAt(kind, step);
    if (next === undefined || next === null) return null;
    schema = next;
  }
  return schema;
}

/** A list of one may be written as that one, so a name in place of a number is a key of the item. */
function itemAt({ kind, item }: Extract<Kind, { item: Schema }>, step: string | number): Schema | null {
  return kind === 'list' && typeof step === 'string' ? schemaAt(item, [step]) : item;
}

export function keysAt(root: Schema, path: Path): readonly string[] {
  const schema = schemaAt(root, path);
  const kind = schema === null ? null : kindOf(schema);
  if (kind?.kind === 'list') return keysAt(kind.item, []);
  return kind?.kind === 'map' ? [...kind.keys.keys()] : [];
}

/** The facts of the nearest key on the way that has a scope of its own: a tag in a list is as local as the list. */
export function factsAt(root: Schema, path: Path): FieldFacts | null {
  for (let depth = path.length; depth > 0; depth--) {
    const schema = schemaAt(root, path.slice(0, depth));
    const facts = schema === null ? undefined : FACTS.get(schema);
    if (facts !== undefined) return facts;
  }
  return null;
}

/** Every scope that occurs at or below a schema. */
export function scopesWithin(schema: Schema): ReadonlySet<Scope> {
  const known = SCOPES.get(schema);
  if (known !== undefined) return known;
  const scopes = findScopes(schema);
  SCOPES.set(schema, scopes);
  return scopes;
}

function findScopes(schema: Schema): ReadonlySet<Scope> {
  const own = FACTS.get(schema)?.scope ?? null;
  if (own !== null) return new Set([own]);
  const kind = kindOf(schema);
  if (kind.kind === 'value') return new Set();
  const below = kind.kind === 'map' ? [...kind.keys.values()] : [kind.item];
  return new Set(below.flatMap((inner) => [...scopesWithin(inner)]));
}

function isTransform(schema: Schema): boolean {
  return (schema as z.core.$ZodTypes)._zod.def.type === 'transform';
}
