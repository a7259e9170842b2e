import type { ConsulError } from '../../discovery/consul-error.ts';
import { EXIT, type ExitCode } from './exit.ts';

/** What is said of a command that Consul did not let happen, and its exit code. */
export function consulFailure({ message, status }: ConsulError, address: string): readonly [string, ExitCode] {
  const said = `remora: Consul at ${address}: ${message}\n`;
  if (status !== 401 && status !== 403) return [said, EXIT.unknown];
  // All that a command reads it reads before it writes, and a write that is denied is told by itself.
  const remedy =
    'the token (CONSUL_HTTP_TOKEN, or that of -c) may not do that: remora consul-policy prints the rules that one needs, with --key-list where Consul has enable_key_list_policy';
  return [`${said}${remedy}\n`, EXIT.invalid];
}
