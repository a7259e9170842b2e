import { mkdir, mkdtemp, rename, rm, symlink, unlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { SystemClock } from '../../src/base/clock-system.ts';
import { FileWatch } from '../../src/config/file-watch.ts';
import { LiveConfig } from '../../src/config/live-config.ts';
import { formatProblem } from '../../src/config/problems.ts';
import { SettlerHere } from '../../src/config/settler-here.ts';

const NEVER_MS = 3_600_000;

let folder: string;
let watch: FileWatch | null;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'remora-config-'));
  watch = null;
});

afterEach(async () => {
  watch?.close();
  await rm(folder, { recursive: true });
});

const text = (port: number): string => `service: { name: web, port: ${port} }\n`;

/** Follows a file; `next` waits for the port of the next configuration, or for the next complaint. */
async function follow(path: string, { pollMs = NEVER_MS, env = {} as Record<string, string> } = {}) {
  const clock = new SystemClock();
  const events: (number | string)[] = [];
  let wake = (): void => {};
  const note = (event: number | string): void => {
    events.push(event);
    wake();
  };
  const live = new LiveConfig(clock, new SettlerHere(() => clock.wallMs()), {
    onConfigApplied: () => {},
    onConfigRefused: (_source, problems) => note(problems.map(formatProblem).join('; ')),
    onConfigUnreachable: () => {},
  });
  watch = new FileWatch(clock, { path, env, set: [] }, live, pollMs);
  live.config.subscribe(({ service }) => note(service.port));
  await watch.reload();
  const { problems } = live.fileState();
  const next = async (): Promise<number | string> => {
    while (events.length === 0) await new Promise<void>((resolve) => (wake = resolve));
    return events.shift()!;
  };
  return { watch, live, events, next, problems };
}

it('reads the file at once, and every time it is written', async () => {
  const path = join(folder, 'remora.yaml');
  await writeFile(path, text(1));
  const { next, live } = await follow(path);
  expect(await next()).toBe(1);
  expect(live.fileState()).toMatchObject({
    name: path,
    revision: expect.stringMatching(/^[0-9a-f]{12}$/),
    problems: [],
  });
  await writeFile(path, text(2));
  expect(await next()).toBe(2);
  await writeFile(path, text(3));
  expect(await next()).toBe(3);
});

it('sees a file that is renamed over it', async () => {
  const path = join(folder, 'remora.yaml');
  await writeFile(path, text(1));
  const { next } = await follow(path);
  await next();
  for (const port of [2, 3]) {
    await writeFile(join(folder, 'new'), text(port));
    await rename(join(folder, 'new'), path);
    expect(await next()).toBe(port);
  }
});

it('sees links swapped as Kubernetes swaps those of a ConfigMap', async () => {
  const publish = async (port: number): Promise<void> => {
    await mkdir(join(folder, `..${port}`));
    await writeFile(join(folder, `..${port}`, 'remora.yaml'), text(port));
    await symlink(`..${port}`, join(folder, '..data_tmp'));
    await rename(join(folder, '..data_tmp'), join(folder, '..data'));
  };
  await publish(1);
  await symlink(join('..data', 'remora.yaml'), join(folder, 'remora.yaml'));
  const { next } = await follow(join(folder, 'remora.yaml'));
  expect(await next()).toBe(1);
  await publish(2);
  expect(await next()).toBe(2);
  await rm(join(folder, '..1'), { recursive: true });
  await publish(3);
  expect(await next()).toBe(3);
  await writeFile(join(folder, '..3', 'remora.yaml'), text(4));
  expect(await next()).toBe(4);
});

it('sees the text behind a link to another folder change', async () => {
  await mkdir(join(folder, 'far'));
  await writeFile(join(folder, 'far', 'text'), text(1));
  await mkdir(join(folder, 'near'));
  await symlink(join('..', 'far', 'text'), join(folder, 'near', 'remora.yaml'));
  const { next } = await follow(join(folder, 'near', 'remora.yaml'));
  expect(await next()).toBe(1);
  await writeFile(join(folder, 'far', 'text'), text(2));
  expect(await next()).toBe(2);
});

it('finds by looking what no event tells: a folder on the way that became another', async () => {
  for (const port of [1, 2]) {
    await mkdir(join(folder, `release-${port}`));
    await writeFile(join(folder, `release-${port}`, 'remora.yaml'), text(port));
  }
  await symlink('release-1', join(folder, 'current'));
  const { next } = await follow(join(folder, 'current', 'remora.yaml'), { pollMs: 50 });
  expect(await next()).toBe(1);
  await symlink('release-2', join(folder, 'current_tmp'));
  await rename(join(folder, 'current_tmp'), join(folder, 'current'));
  expect(await next()).toBe(2);
});

it('keeps the last good configuration when the file becomes bad or goes away', async () => {
  const path = join(folder, 'remora.yaml');
  await writeFile(path, text(1));
  const { next, live } = await follow(path);
  expect(await next()).toBe(1);

  await writeFile(path, text(99_999));
  expect(await next()).toBe(`${path}:1:29 service.port: found 99999, expected a port from 1 to 65535`);
  expect(live.config.value?.service.port).toBe(1);
  expect(live.config.problem).toContain('found 99999');
  expect(live.fileState().problems).toHaveLength(1);

  await unlink(path);
  expect(await next()).toBe(`${path}: found no such file, expected a YAML file that can be read`);
  expect(live.config.value?.service.port).toBe(1);

  await writeFile(path, text(2));
  expect(await next()).toBe(2);
  expect(live.config.problem).toBeNull();
  expect(live.fileState().problems).toEqual([]);
});

it('does not call it a change when the text says the same', async () => {
  const path = join(folder, 'remora.yaml');
  await writeFile(path, text(1));
  const { next, events, watch, live } = await follow(path);
  await next();
  await writeFile(
    path,
    `# again\nservice:\n  port: 1\n  name: web\n`.replace('port: 1\n  name: web', 'name: web\n  port: 1'),
  );
  await watch.reload();
  expect(events).toEqual([]);
  expect(live.config.problem).toBeNull();
});

it('settles nothing for neighbours that are written, as a log beside it is', async () => {
  const path = join(folder, 'remora.yaml');
  await writeFile(path, text(1));
  const { live, next } = await follow(path);
  await next();
  const before = live.counted().settled;
  for (let line = 0; line < 4; line++) {
    await writeFile(join(folder, 'remora.log'), `line ${line}\n`);
    await new Promise((resolve) => setTimeout(resolve, 150)); // longer than the silence that ends a burst
  }
  await writeFile(path, text(2));
  expect(await next()).toBe(2);
  expect(live.counted().settled).toBe(before + 1);
});

it('reads references anew when it is told to reload', async () => {
  const secret = join(folder, 'port');
  await writeFile(secret, '1\n');
  const path = join(folder, 'remora.yaml');
  await writeFile(path, `service: { name: web, port: "\${file:${secret}}" }\n`);
  const { next, watch } = await follow(path);
  expect(await next()).toBe(1);
  await writeFile(secret, '2\n');
  await watch.reload();
  expect(await next()).toBe(2);
});

it('gives the problems of a file that is bad from the beginning, and does not follow it', async () => {
  const { problems, events, live } = await follow(join(folder, 'none.yaml'));
  expect(events).toEqual([]);
  expect(problems.map(({ found }) => found)).toEqual(['no such file']);
  expect(live.config.value).toBeNull();
});

it('says one complaint once, however often it looks', async () => {
  const path = join(folder, 'remora.yaml');
  await writeFile(path, text(1));
  const { next, events, watch } = await follow(path);
  await next();
  await writeFile(path, 'x');
  await next();
  await watch.reload();
  await watch.reload();
  expect(events).toEqual([]);
});

it('takes a file up as soon as the files that it names are there', async () => {
  const path = join(folder, 'remora.yaml');
  const elsewhere = await mkdtemp(join(tmpdir(), 'remora-token-'));
  try {
    await writeFile(path, text(1));
    const { next, events, live } = await follow(path, { pollMs: 20 });
    await next();
    await writeFile(path, `${text(2)}admin: { tokenFile: ${elsewhere}/token }\n`);
    expect(await next()).toContain('admin.tokenFile: found');
    await writeFile(join(elsewhere, 'token'), 'x');
    expect(await next()).toBe(2);
    expect([events, live.fileState().problems]).toEqual([[], []]);
  } finally {
    await rm(elsewhere, { recursive: true });
  }
});

it('does not start while a file that is named cannot be read', async () => {
  const path = join(folder, 'remora.yaml');
  await writeFile(path, `${text(1)}admin: { tokenFile: ${folder}/token }\n`);
  const { problems } = await follow(path);
  expect(problems.map(formatProblem)).toEqual([expect.stringContaining(`found "${folder}/token", expected a file`)]);
});
