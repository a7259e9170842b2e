/** What one source of a key is, as configured. */
export type KeySource =
  /** `name` in lower case. Of a gRPC call, its metadata. */
  | { readonly kind: 'header'; readonly name: string }
  | { readonly kind: 'cookie'; readonly name: string; readonly made: MadeCookie | null }
  /** `name` as it stands in the query, percent-encoded or not. */
  | { readonly kind: 'query'; readonly name: string }
  | { readonly kind: 'source' }
  /** The first is 1. */
  | { readonly kind: 'segment'; readonly number: number }
  | { readonly kind: 'pattern'; readonly pattern: string };

export type KeyOptions = KeySource & {
  /** Once there is a hash, what is listed below is not asked. */
  readonly terminal: boolean;
};

/** How a cookie is made for a client that has none. */
export interface MadeCookie {
  /** 0: until the client forgets its session. */
  readonly ttlMs: number;
  readonly path: string;
  readonly httpOnly: boolean;
  readonly secure: boolean;
  readonly sameSite: 'Strict' | 'Lax' | 'None' | null;
  readonly domain: string | null;
}
