/** What an endpoint does for its service. */
export type Role = 'primary' | 'replica';

/** Who says which role an endpoint has. */
export type RoleWitness =
  | { readonly kind: 'tag' }
  /** The value of this key. */
  | { readonly kind: 'meta'; readonly key: string }
  /** The output of the check with this name or id. */
  | { readonly kind: 'check'; readonly name: string }
  /**
   * The value of this key of Consul's KV store, while a session holds it, names the primary; all others are replicas.
   */
  | { readonly kind: 'lock'; readonly key: string };

/**
 * Where discovery reads how far an endpoint is behind its primary: metadata, or the output of a check by name or id.
 */
export type LagWitness =
  | { readonly kind: 'meta'; readonly key: string }
  | { readonly kind: 'check'; readonly name: string };

/** How the roles of a service are known. A part of the question to discovery. */
export interface RoleRule {
  /** `primary_replica`: there is one primary at most, whoever else claims it. */
  readonly kind: 'primary_replica' | 'multi_primary';
  readonly from: RoleWitness;
  /** The word of each role in tags, meta and checks. */
  readonly words: Readonly<Record<Role, string>>;
  /** Null: discovery is not asked how late endpoints are. */
  readonly lag: LagWitness | null;
}

/** The role that a set of words speaks of. None when it speaks of both: who is wrong about writes does damage. */
export function roleAmong(said: readonly string[], { words }: RoleRule): Role | null {
  const isPrimary = said.includes(words.primary);
  if (isPrimary === said.includes(words.replica)) return null;
  return isPrimary ? 'primary' : 'replica';
}

/** Beyond this a check's output is not read. Consul keeps 4 KiB. */
const MAX_OUTPUT = 4_096;

/** The role that stands in the output of a check, as a word of its own. */
export function roleInText(text: string, rule: RoleRule): Role | null {
  return roleAmong(text.slice(0, MAX_OUTPUT).split(/[^A-Za-z0-9_-]+/), rule);
}
