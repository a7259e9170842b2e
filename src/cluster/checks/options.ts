/** Asks for a page. */
export interface HttpQuestion {
  readonly kind: 'http';
  readonly method: 'GET' | 'HEAD' | 'OPTIONS';
  readonly path: string;
  /** What the Host says. */
  readonly host: string;
  /** First and last of each range of answers that are good. */
  readonly statuses: readonly (readonly [number, number])[];
  /** What the first `withinBytes` of the body have in them; null: anything. */
  readonly body: { readonly text: string; readonly withinBytes: number } | null;
  /** Fields to send besides, by their names in lower case. */
  readonly headers: Readonly<Record<string, string>>;
}

/** Connects, and says and hears something if that is wanted. */
export interface TcpQuestion {
  readonly kind: 'tcp';
  readonly send: string | null;
  /** What has to come, anywhere in the first 4 KiB; null: a connection is enough. */
  readonly expect: string | null;
}

/** `grpc.health.v1.Health/Check`. */
export interface GrpcQuestion {
  readonly kind: 'grpc';
  /** The service that is asked for; empty: the server as a whole. */
  readonly service: string;
  readonly host: string;
}

/** Who has to answer, so that an address that somebody else has by now is not taken for the service. */
export interface IdentityOptions {
  /** A field of the answer, in lower case. */
  readonly header: string;
  /** One of these has to be its value. */
  readonly services: readonly string[];
}

export interface CheckOptions {
  readonly question: HttpQuestion | TcpQuestion | GrpcQuestion;
  /** Null: whoever answers well is well. */
  readonly identity: IdentityOptions | null;
  /** From the end of a check to the next, of an endpoint that is up. */
  readonly intervalMs: number;
  /** The same of one that is down, or has begun to fail. */
  readonly unhealthyIntervalMs: number;
  /** The same of all while the upstream has no traffic. */
  readonly noTrafficIntervalMs: number;
  /** Each interval is longer by up to this share of it, by lot. */
  readonly jitter: number;
  /** The first check of an endpoint comes within this, by lot. */
  readonly initialJitterMs: number;
  readonly timeoutMs: number;
  /** Passes in a row that bring back one that went down. */
  readonly healthyThreshold: number;
  /** Failures in a row that take one out. */
  readonly unhealthyThreshold: number;
  /** `wait`: a new endpoint is down until it has passed once. */
  readonly newEndpoints: 'use' | 'wait';
  /** An ordinary answer may say that its endpoint wants no more requests. */
  readonly heedsAnswers: boolean;
  /** How long an endpoint that discovery has lost is kept while it passes; 0: not at all. */
  readonly keepLostMs: number;
}

/**
 * The interval is Consul's usual one. Two seconds are long for a health page and short enough that a frozen process is
 * out within half a minute; what is faster than that is the business of breakers and ejection.
 */
export const DEFAULT_CHECK = {
  intervalMs: 10_000,
  unhealthyIntervalMs: 5_000,
  noTrafficIntervalMs: 60_000,
  jitter: 0.1,
  initialJitterMs: 1_000,
  timeoutMs: 2_000,
  healthyThreshold: 2,
  unhealthyThreshold: 3,
  newEndpoints: 'use',
  heedsAnswers: true,
  keepLostMs: 0,
} as const;
