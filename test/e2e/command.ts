import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { eventually } from '../support/eventually.ts';
import { complain } from './mesh.ts';

const MAIN = fileURLToPath(new URL('../../dist/main.js', import.meta.url));

export interface Ended {
  readonly code: number | null;
  readonly text: string;
}

/** The command line of an operator. */
export class Command {
  text = '';
  readonly ended: Promise<Ended>;
  private readonly child: ReturnType<typeof execFile>;

  constructor(address: string, args: readonly string[]) {
    this.child = execFile(process.execPath, [MAIN, ...args, '--consul-addr', address], { env: {} });
    this.child.stdin?.end();
    this.child.stdout?.on('data', (bytes: string) => (this.text += bytes));
    this.child.stderr?.on('data', (bytes: string) => (this.text += bytes));
    this.ended = new Promise((resolve) => {
      this.child.once('close', (code) => resolve({ code, text: this.text }));
    });
  }

  says(words: string): Promise<unknown> {
    const heard = eventually(() => this.text.includes(words) || complain(`"${words}" is not in: ${this.text}`));
    const silent = this.ended.then(() => this.text.includes(words) || complain(`"${words}" is not in: ${this.text}`));
    return Promise.race([heard, silent]);
  }

  signal(signal: NodeJS.Signals): void {
    this.child.kill(signal);
  }
}
