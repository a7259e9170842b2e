import { execFile } from 'node:child_process';
import { accessSync, constants } from 'node:fs';
import { createServer, type Http2Server } from 'node:http2';
import type { AddressInfo } from 'node:net';
import { delimiter, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Sidecar } from '../support/sidecar.ts';

/** How many cases it has with the strict ones, give or take what a version adds. */
const LEAST_CASES = 145;

/** Where h2spec (github.com/summerwind/h2spec) is: an outside judge, used where somebody has installed it. */
function findH2spec(): string | null {
  const { H2SPEC_BIN: told, PATH = '' } = process.env;
  const places = told === undefined ? PATH.split(delimiter).map((folder) => join(folder, 'h2spec')) : [told];
  return places.find(isProgram) ?? null;
}

function isProgram(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

const h2spec = findH2spec();

it.runIf(h2spec === null)('h2spec is not on PATH and H2SPEC_BIN does not name it', ({ skip }) => {
  skip('test/http2/session-conformance.test.ts has a table of its own');
});

describe.runIf(h2spec !== null).each(['data', 'handle'])('h2spec, %s,', (transport) => {
  let server: Http2Server;
  let sidecar: Sidecar;

  beforeAll(async () => {
    server = createServer((request, response) => {
      request.resume();
      response.end('a body of several bytes, that windows of one can cut');
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as AddressInfo;
    sidecar = await Sidecar.start(
      { service: { name: 'web', port }, upstreams: { calls: { port: 0, protocol: 'grpc' } }, static: { calls: [`127.0.0.1:${port}`] } },
      { args: ['--transport', transport] },
    );
  });

  afterAll(async () => {
    await sidecar.kill();
    server.close();
  });

  it('finds no fault with a port for gRPC', async () => {
    const report = await run(['-h', '127.0.0.1', '-p', String(sidecar.port('calls')), '-o', '2', '-S']);
    const [, total, passed, failed] = /(\d+) tests, (\d+) passed, \d+ skipped, (\d+) failed/.exec(report) ?? [];
    expect({ failed, passed }, report).toEqual({ failed: '0', passed: total });
    expect(Number(total)).toBeGreaterThanOrEqual(LEAST_CASES);
    expect(await sidecar.metric('remora_bugs_total')).toBe(0);
    expect(sidecar.stray).toBe('');
  }, 120_000);
});

/** What it says, whatever it exits with. */
function run(args: readonly string[]): Promise<string> {
  return new Promise((resolve) => {
    execFile(h2spec!, args, { maxBuffer: 16_777_216 }, (_error, stdout, stderr) => resolve(stdout + stderr));
  });
}
