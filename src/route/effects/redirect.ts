import { FieldList } from '../../http/fields.ts';
import { GRPC_STATUSES } from '../../http/grpc-status.ts';
import type { RequestHead } from '../../http/head.ts';
import type { RouteAnswer } from '../../proxy/route-effects.ts';
import type { RouteAction, RouteMatch } from '../table/options.ts';
import type { Finder } from '../table/regex.ts';
import { type PathRewrite, rewriteOf, sound } from './path-rewrite.ts';
import { bareOf } from './variables.ts';

export type RedirectOptions = Extract<RouteAction, { readonly kind: 'redirect' }>;

const DEFAULT_PORTS: Readonly<Record<string, number>> = { http: 80, https: 443 };

/**
 * Where else to ask (RFC 9110, 15.4). A redirect that says nothing of scheme, host and port names a path alone, so that
 * it holds behind whatever stands before this sidecar; any other is a whole URI. Of the client's own it has the host as it
 * was sent, which has been read as one, and the path, which never begins with two slashes: beside a configuration that
 * names no other host, no request leads to one.
 */
export class Redirect {
  private readonly rewrite: PathRewrite | null;

  constructor(
    private readonly options: RedirectOptions,
    matches: readonly RouteMatch[],
  ) {
    const { path, prefix } = options;
    this.rewrite = rewriteOf({ path, prefix, regex: null }, matches, noPatterns);
  }

  answer(head: RequestHead): RouteAnswer {
    return {
      kind: 'redirect',
      status: this.options.status,
      // Nobody follows it in gRPC: it is nothing that a server of calls would say.
      grpcStatus: GRPC_STATUSES.unimplemented,
      code: null,
      fields: new FieldList().add('location', this.locationOf(head)),
      body: '',
    };
  }

  private locationOf(head: RequestHead): string {
    const { scheme, host, port, keepsQuery } = this.options;
    const asked = head.path === '*' ? '/' : head.path;
    const path = sound(this.rewrite === null ? asked : this.rewrite.of(asked));
    const target = keepsQuery ? path : bareOf(path);
    const name = host ?? hostOf(head.authority);
    if ((scheme === null && host === null && port === null) || name === '') return target;
    const newScheme = scheme ?? head.scheme;
    // Another scheme or host has a port of its own.
    const ownPort = scheme === null && host === null ? portOf(head.authority) : null;
    const newPort = port ?? ownPort;
    const suffix = newPort === null || newPort === DEFAULT_PORTS[newScheme] ? '' : `:${newPort}`;
    return `${newScheme}://${name}${suffix}${target}`;
  }
}

/** A redirect has none. */
function noPatterns(): Finder {
  return { find: () => null };
}

/** Of an authority that has been read as one: brackets and all. */
function hostOf(authority: string): string {
  const colon = colonOf(authority);
  return colon < 0 ? authority : authority.slice(0, colon);
}

function portOf(authority: string): number | null {
  const colon = colonOf(authority);
  const text = colon < 0 ? '' : authority.slice(colon + 1);
  return text === '' ? null : Number(text);
}

function colonOf(authority: string): number {
  const colon = authority.lastIndexOf(':');
  return colon > authority.lastIndexOf(']') ? colon : -1;
}
