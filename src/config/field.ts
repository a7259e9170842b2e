import { z } from 'zod';

/** `local`: this machine's file, environment and flags only. `mesh`: also documents from Consul. */
export type Scope = 'local' | 'mesh';

/**
 * What is known of a key beyond its type. The editors' schema, the table of keys and the scope check are made of it.
 */
export interface FieldFacts {
  /** Null for a map that is described by the keys in it. */
  readonly scope: Scope | null;
  /** What it means and, where a choice was made, why the default is what it is. */
  readonly meaning: string;
  /** The default in Markdown, or in words what holds when the key is not given; null when it must be. */
  readonly fallback: string | null;
  readonly isSecret: boolean;
  /** Another key that has the same keys in it, and is described; null: those of this one are described here. */
  readonly sameAs: string | null;
}

export const FACTS = z.registry<FieldFacts>();

interface Words {
  readonly scope: Scope | null;
  readonly meaning: string;
  readonly isSecret?: boolean;
  readonly sameAs?: string;
}

export function required<S extends z.ZodType>(schema: S, words: Words): S {
  FACTS.add(schema, factsOf(words, null));
  return schema;
}

/** `written` is the default as the file would have it; it is read like anything else that is written. */
export function defaulted<S extends z.ZodType>(schema: S, written: z.input<S>, words: Words): z.ZodPrefault<S> {
  const shown = typeof written === 'string' ? written : JSON.stringify(written);
  const whole = z.prefault(schema, written as never);
  FACTS.add(whole, factsOf(words, `\`${shown}\``));
  return whole;
}

/** Null inside when it is not written. `instead` says in words what holds then. */
export function optional<S extends z.ZodType>(schema: S, instead: string, words: Words) {
  const whole = schema.optional().transform((value) => (value === undefined ? null : value) as z.output<S> | null);
  FACTS.add(whole, factsOf(words, instead));
  return whole;
}

/** A map that every configuration has, with or without being written. */
export function group<S extends z.ZodType>(schema: S, meaning: string): z.ZodPrefault<S> {
  const whole = z.prefault(schema, {} as never);
  FACTS.add(whole, factsOf({ scope: null, meaning }, '`{}`'));
  return whole;
}

/** A map with known keys; others are refused by name. */
export function section<S extends z.ZodRawShape>(shape: S) {
  return z.strictObject(shape, { error: 'a map' });
}

/** For what is asked of a whole map: a key of it that is misspelt is said once, and not as one that is missing too. */
export function isClean({ issues }: { readonly issues: readonly unknown[] }): boolean {
  return issues.length === 0;
}

function factsOf({ scope, meaning, isSecret, sameAs }: Words, fallback: string | null): FieldFacts {
  return { scope, meaning, fallback, isSecret: isSecret ?? false, sameAs: sameAs ?? null };
}
