import type { EndpointSpec, ServiceQuery } from '../../src/cluster/snapshot.ts';

/** `a` is 10.0.0.1:80/a and so on: short names for tests about which endpoints there are. */
export function spec(name: string, more: Partial<EndpointSpec> = {}): EndpointSpec {
  const host = `10.0.0.${name.charCodeAt(0) - 96}`;
  return {
    id: `${host}:80/${name}`,
    host,
    port: 80,
    weight: 1,
    health: 'passing',
    tags: [],
    meta: {},
    zone: null,
    role: null,
    ...more,
  };
}

export function specs(names: string): readonly EndpointSpec[] {
  return [...names].map((name) => spec(name));
}

/** The short names, in order. */
export function namesOf(endpoints: readonly EndpointSpec[] | undefined): string {
  return (endpoints ?? []).map(({ id }) => id.slice(id.indexOf('/') + 1)).join('');
}

export function queryFor(service: string, more: Partial<ServiceQuery> = {}): ServiceQuery {
  return { service, datacenter: null, namespace: null, tag: null, filter: null, connect: false, roles: null, ...more };
}
