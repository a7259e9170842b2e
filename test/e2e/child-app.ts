import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';

const running = new Set<ChildProcess>();
process.on('exit', () => {
  for (const child of running) child.kill('SIGKILL');
});

/** An application in a process of its own that answers each message with one: its port first, then what it has seen. */
export class ChildApp<Seen> {
  private constructor(
    readonly port: number,
    private readonly child: ChildProcess,
  ) {}

  static async start<Seen>(file: string, ...args: readonly (string | number)[]): Promise<ChildApp<Seen>> {
    const path = fileURLToPath(new URL(file, import.meta.url));
    const child = fork(path, args.map(String), { stdio: ['ignore', 'ignore', 'inherit', 'ipc'], execArgv: [] });
    running.add(child);
    const [{ port }] = (await once(child, 'message')) as [{ port: number }];
    return new ChildApp(port, child);
  }

  get address(): string {
    return `127.0.0.1:${this.port}`;
  }

  async tell(command: string, value = 0): Promise<Seen> {
    const told = once(this.child, 'message');
    this.child.send({ command, value });
    const [seen] = await told;
    return seen as Seen;
  }

  async stop(): Promise<void> {
    const ended = once(this.child, 'exit');
    this.child.kill('SIGKILL');
    await ended;
    running.delete(this.child);
  }
}
