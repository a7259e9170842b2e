import type { ConsulRead } from '../../discovery/consul-api.ts';
import { ConsulError } from '../../discovery/consul-error.ts';
import type { Operator } from './operator.ts';

/** Each is a question of its own. */
const MOST = 20;
const READ: ConsulRead = { mode: 'stale', index: 0n, waitMs: 0, timeoutMs: 10_000 };

/**
 * A warning for each service that nobody has registered. A document may come before the service it is about, so it is
 * nothing to refuse; but a slip in the name of an upstream makes another one, whose requests all fail.
 */
export async function unknownServices({ api, signal }: Operator, services: readonly string[]): Promise<string[]> {
  const asked = services.slice(0, MOST);
  const lines = await Promise.all(
    asked.map(async (service) => {
      const query = {
        service,
        datacenter: null,
        namespace: null,
        tag: null,
        filter: null,
        connect: false,
        roles: null,
      };
      try {
        const { value, skipped, isFiltered } = await api.health(query, READ, signal);
        if (value.length + skipped.length > 0) return [];
        const why = isFiltered ? 'shows this token no instance of it' : 'knows no instance of it';
        return [`service ${service} would be called, and Consul ${why}: is that its name?`];
      } catch (error) {
        if (!(error instanceof ConsulError)) throw error;
        return [`service ${service} would be called, and whether Consul knows it cannot be said: ${error.message}`];
      }
    }),
  );
  const left = services.length - asked.length;
  return [...lines.flat(), ...(left > 0 ? [`${left} more services that would be called were not looked for`] : [])];
}
