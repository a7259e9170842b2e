import type { Config } from './config.ts';

/**
 * What is no contradiction and still rarely meant: it depends on where others run, which no file says. `check` prints
 * these lines and a start logs them; neither is stopped by them.
 */
export function warningsOf(config: Config): string[] {
  return registeredLoopback(config);
}

/**
 * Consul hands the address on to peers, and those on other machines would call themselves. Where its agent is says nothing
 * of where they are: one on every machine, asked over loopback, is how Consul is meant to be run.
 */
function registeredLoopback({ service, inbound, consul }: Config): string[] {
  if (service.register === null || consul === null) return [];
  const { address } = inbound ?? service;
  if (!isLoopback(address)) return [];
  const key = inbound === null ? 'service.address' : 'inbound.address';
  return [
    `${key} is ${address}, and service.register tells Consul so: callers on other machines will not reach it; ` +
      `unless all of them are on this one, set ${key} to an address of this machine, or to 0.0.0.0 for the one of Consul's agent`,
  ];
}

function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || host.startsWith('127.');
}
