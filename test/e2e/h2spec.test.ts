import { execFile } from 'node:child_process';
import { accessSync, constants, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Http2Server } from 'node:http2';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { portsInARow } from '../support/free-ports.ts';
import { Sidecar } from '../support/sidecar.ts';

/** What they have in all, strict cases too, give or take what a version adds. */
const LEAST_CASES = 145;
const LEAST_CLIENT_CASES = 57;
const MOST_CLIENT_CASES = 64;

/** An outside judge (github.com/summerwind/h2spec, cmd/h2spec for servers and cmd/h2specd for clients), used where it is installed. */
function find(name: string, told: string | undefined): string | null {
  const { PATH = '' } = process.env;
  const places = told === undefined ? PATH.split(delimiter).map((folder) => join(folder, name)) : [told];
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

const h2spec = find('h2spec', process.env['H2SPEC_BIN']);
const h2specd = find('h2specd', process.env['H2SPECD_BIN']);

/** Its whole report must say that nothing failed. */
async function expectAllPassed(program: string, args: readonly string[], leastCases: number): Promise<void> {
  const report = await run(program, args);
  const [, total, passed, failed] = /(\d+) tests, (\d+) passed, \d+ skipped, (\d+) failed/.exec(report) ?? [];
  expect({ failed, passed }, report).toEqual({ failed: '0', passed: total });
  expect(Number(total)).toBeGreaterThanOrEqual(leastCases);
}

/** What it says, whatever it exits with. */
function run(program: string, args: readonly string[]): Promise<string> {
  return new Promise((resolve) => {
    execFile(program, args, { maxBuffer: 16_777_216 }, (_error, stdout, stderr) => resolve(stdout + stderr));
  });
}

async function expectNoBugs(sidecar: Sidecar): Promise<void> {
  expect(await sidecar.metric('remora_bugs_total')).toBe(0);
  expect(sidecar.stray).toBe('');
}

it.runIf(h2spec === null)('h2spec is not on PATH and H2SPEC_BIN does not name it', ({ skip }) => {
  skip('test/http2/session-conformance.test.ts has a table of its own');
});

it.runIf(h2specd === null)('h2specd is not on PATH and H2SPECD_BIN does not name it', ({ skip }) => {
  skip('test/net/http2-upstream.test.ts has cases of its own');
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
      {
        service: { name: 'web', port },
        upstreams: { calls: { port: 0, protocol: 'grpc' } },
        static: { calls: [`127.0.0.1:${port}`] },
      },
      { args: ['--transport', transport] },
    );
  });

  afterAll(async () => {
    await sidecar.kill();
    server.close();
  });

  it('finds no fault with a port for gRPC', async () => {
    const args = ['-h', '127.0.0.1', '-p', String(sidecar.port('calls')), '-o', '2', '-S'];
    await expectAllPassed(h2spec!, args, LEAST_CASES);
    await expectNoBugs(sidecar);
  }, 120_000);
});

/** It plays one bad server a port, and runs a command with the address of that port, which asks it something. */
describe.runIf(h2specd !== null).each(['data', 'handle'])('h2specd, %s,', (transport) => {
  const folder = mkdtempSync(join(tmpdir(), 'remora-h2specd-'));
  const client = join(folder, 'client.mjs');
  let firstPort: number;
  let sidecar: Sidecar;

  beforeAll(async () => {
    firstPort = await portsInARow(MOST_CLIENT_CASES);
    const ports = Array.from({ length: MOST_CLIENT_CASES }, (_, at) => firstPort + at);
    // A case must see one connection and no other.
    const upstream = { protocol: 'grpc', retry: { maxAttempts: 1 } };
    sidecar = await Sidecar.start(
      {
        service: { name: 'web', port: 1 },
        outbound: { port: 0 },
        upstreams: Object.fromEntries(ports.map((port) => [`case-${port}`, upstream])),
        static: Object.fromEntries(ports.map((port) => [`case-${port}`, [`127.0.0.1:${port}`]])),
      },
      { args: ['--transport', transport] },
    );
    writeFileSync(
      client,
      `import { request } from 'node:http';
      const host = 'case-' + new URL(process.argv[2]).port;
      const end = () => process.exit();
      const asked = request({ host: '127.0.0.1', port: ${sidecar.port('outbound')}, headers: { host }, timeout: 2500 });
      asked.on('response', (answer) => answer.resume().on('end', end).on('error', end));
      asked.on('error', end).on('timeout', end).end();`,
    );
  });

  afterAll(async () => {
    await sidecar.kill();
    rmSync(folder, { recursive: true });
  });

  it('finds no fault with how endpoints are spoken to', async () => {
    const args = ['-f', String(firstPort), '-o', '2', '-S', '-e', `${process.execPath} ${client}`];
    await expectAllPassed(h2specd!, args, LEAST_CLIENT_CASES);
    await expectNoBugs(sidecar);
  }, 120_000);
});
