import { execFileSync, spawnSync } from 'node:child_process';
import { connect, type Socket } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';

/** What is behind this address can be lost to the world. */
export const LOST_HOST = '10.99.0.2';
const OWN_HOST = '10.99.0.1';

/** Runs a program in a network namespace of its own, with nothing in it but a loopback device that is still down. */
export const IN_A_NAMESPACE = ['unshare', '--map-root-user', '--net'] as const;

/**
 * A hole that swallows packets, in a network namespace of this process's own. The lost address is on the loopback device
 * until it is routed into one end of a cable at whose other end nobody listens: nothing is refused, nothing comes back,
 * and connections of before live on without knowing.
 */
export class PacketHole {
  /** Once, inside of the namespace. */
  static prepare(): PacketHole {
    ip('link set lo up');
    ip('link add hole type veth peer name void');
    ip('link set void up');
    ip('link set hole up arp off');
    ip(`addr add ${OWN_HOST}/32 dev lo`);
    ip(`route add local ${LOST_HOST}/32 dev lo src ${OWN_HOST}`);
    return new PacketHole();
  }

  begin(): void {
    ip(`route del local ${LOST_HOST}/32 dev lo`);
    ip(`route add ${LOST_HOST}/32 dev hole src ${OWN_HOST}`);
  }

  end(): void {
    ip(`route del ${LOST_HOST}/32 dev hole`);
    ip(`route add local ${LOST_HOST}/32 dev lo src ${OWN_HOST}`);
  }
}

/** Null where this machine allows such a hole; else why it does not. */
export function whyNoHole(): string | null {
  const [program, ...args] = IN_A_NAMESPACE;
  const trial = 'ip link set lo up && ip link add hole type veth peer name void && ip link set hole up arp off';
  const { error, status, stderr } = spawnSync(program, [...args, 'sh', '-c', trial], {
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  if (error !== undefined) return `unshare: ${error.message}`;
  return status === 0 ? null : stderr.toString().trim();
}

/** More than any queue of one holds, and the one or two that a kernel adds to it. */
const CROWD = 8;
const FULL_AFTER_MS = 200;

/** The next best: a process that is stopped, and whose queue of connections is full. The kernel drops whoever comes then. */
export async function fillQueue(host: string, port: number): Promise<readonly Socket[]> {
  const crowd = Array.from({ length: CROWD }, () => connect(port, host));
  for (const socket of crowd) socket.on('error', () => undefined); // most of them never get anywhere
  await delay(FULL_AFTER_MS);
  return crowd;
}

function ip(words: string): void {
  execFileSync('ip', words.split(' '), { stdio: ['ignore', 'ignore', 'inherit'] });
}
