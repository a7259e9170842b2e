import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { fileURLToPath } from 'node:url';
import { afterEach, describe, expect, it } from 'vitest';

const SCRIPT = fileURLToPath(new URL('../support/fd-limit-listener.ts', import.meta.url));
const DESCRIPTORS = 64;
const CLIENTS = 150;

describe.each(['data', 'handle'])('sockets without descriptors, %s', (kind) => {
  const clients: Socket[] = [];
  let child: ChildProcess;

  afterEach(() => {
    for (const client of clients.splice(0)) client.destroy();
    child.kill();
  });

  function line(): Promise<string> {
    return once(child.stdout!, 'data').then(([text]) => String(text).trim());
  }

  async function status(): Promise<{ open: number; cpuMs: number }> {
    const answer = line();
    child.stdin!.write('?\n');
    return JSON.parse(await answer);
  }

  /** Resolves to whether it was accepted and serves: an echo came back. */
  function visit(port: number): Promise<boolean> {
    const client = connect({ port, host: '127.0.0.1', noDelay: true });
    clients.push(client);
    return new Promise((resolve) => {
      client.on('error', () => resolve(false));
      client.on('close', () => resolve(false));
      client.on('data', () => resolve(true));
      client.write('ping');
    });
  }

  function start(): Promise<number> {
    const command = `ulimit -n ${DESCRIPTORS}; exec "$0" --experimental-transform-types --no-warnings "$@"`;
    child = spawn('sh', ['-c', command, process.execPath, SCRIPT, kind], { stdio: ['pipe', 'pipe', 'inherit'] });
    return line().then(Number);
  }

  it('blame no endpoint for a connection that cannot be opened', async () => {
    await start();
    const code = line();
    child.stdin!.write('dial\n');
    expect(await code).toBe('local_exhausted');
  });

  it('leave a listener alive, which does not spin and accepts again when descriptors are free', async () => {
    const port = await start();
    const served = await Promise.all(Array.from({ length: CLIENTS }, () => visit(port)));
    const count = served.filter(Boolean).length;
    expect(count).toBeGreaterThan(10);
    expect(count).toBeLessThan(DESCRIPTORS);

    const before = await status();
    expect(before.open).toBe(count);
    await new Promise((resolve) => setTimeout(resolve, 500));
    expect((await status()).cpuMs - before.cpuMs).toBeLessThan(150);

    for (const client of clients.splice(0)) client.destroy();
    while ((await status()).open > 0) await new Promise((resolve) => setTimeout(resolve, 5));
    expect(await visit(port)).toBe(true);
  });
});
