/**
 * Does the Host of a request mean this very listener?
 *
 * A web page can make its own name resolve to 127.0.0.1 and so talk to a port that only this machine should reach
 * (DNS rebinding). The browser still sends the page's name as Host, and that gives it away: only loopback names and
 * addresses pass, and the address that the connection in fact came in on, since an address cannot have been rebound.
 */
export function meansUs(host: string, local: string): boolean {
  const name = nameOf(host);
  if (name === null) return false;
  return isLoopback(name) || name === plainAddress(local);
}

/** Is this a loopback name or address? IPv6 without brackets, in its short form: the one that programs send. */
function isLoopback(name: string): boolean {
  return name === 'localhost' || name === '::1' || /^127\.\d{1,3}\.\d{1,3}\.\d{1,3}$/.test(name);
}

/** The host without port and brackets, in lower case; null when it is neither a name nor an address. */
function nameOf(host: string): string | null {
  const parts = /^(?:\[([0-9a-f:.]+)\]|([a-z0-9._-]+))(?::\d{1,5})?$/.exec(host.toLowerCase());
  return parts === null ? null : (parts[1] ?? parts[2] ?? null);
}

/** A dual-stack socket reports IPv4 peers as `::ffff:10.0.0.1`. */
function plainAddress(address: string): string {
  return address.toLowerCase().replace(/^::ffff:(?=\d+\.)/, '');
}
