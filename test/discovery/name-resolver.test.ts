import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { DnsResolver } from '../../src/discovery/name-resolver.ts';
import { startDnsServer, type Zone } from '../support/dns-server.ts';
import { eventually } from '../support/eventually.ts';

let folder: string;
let hosts: string;
let dns: Awaited<ReturnType<typeof startDnsServer>>;
let zones: Record<string, Zone | ((type: 'a' | 'aaaa') => Zone)> = {};
const never = new AbortController().signal;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'remora-hosts-'));
  hosts = join(folder, 'hosts');
  await writeFile(
    hosts,
    '127.0.0.1 localhost\n# 10.9.9.9 commented\n10.1.1.1\tdb Db.internal # the database\nfd00::5 db\n',
  );
  dns = await startDnsServer((name, type) => {
    const zone = zones[name] ?? { code: 3 };
    return typeof zone === 'function' ? zone(type) : zone;
  });
});
afterEach(() => {
  zones = {};
  dns.asked.length = 0;
});
afterAll(async () => {
  await dns.stop();
  await rm(folder, { recursive: true });
});

const resolve = (name: string, hostsFile = hosts) => new DnsResolver(hostsFile, [dns.server]).resolve(name, never);

describe('DnsResolver', () => {
  it('brings every record of both families, and the lowest TTL', async () => {
    zones['web.test'] = (type) => ({
      a: ['10.0.0.1', '10.0.0.2'],
      aaaa: ['fd00:0:0:0:0:0:0:1'],
      ttl: type === 'a' ? 30 : 7,
    });
    const found = await resolve('web.test');
    expect(found).toEqual({ v4: expect.arrayContaining(['10.0.0.1', '10.0.0.2']), v6: ['fd00::1'], ttlMs: 7_000 });
  });

  it('is content with one family', async () => {
    zones['web.test'] = { a: ['10.0.0.1'], ttl: 5 };
    expect(await resolve('web.test')).toEqual({ v4: ['10.0.0.1'], v6: [], ttlMs: 5_000 });
  });

  it('tells a family that has no records from one that could not be asked', async () => {
    zones['web.test'] = (type) => (type === 'a' ? { a: ['10.0.0.1'], ttl: 5 } : { code: 2 });
    expect(await resolve('web.test')).toEqual({ v4: ['10.0.0.1'], v6: null, ttlMs: 5_000 });
  });

  it('rejects when the servers fail', async () => {
    zones['web.test'] = { code: 2 };
    await expect(resolve('web.test')).rejects.toThrow(/ESERVFAIL/);
  });

  it('rejects a name nobody knows, after asking the system too', async () => {
    await expect(resolve('nobody.invalid')).rejects.toThrow(/nobody.invalid/);
    expect(dns.asked.sort()).toEqual(['a nobody.invalid', 'aaaa nobody.invalid']);
  });

  it('knows localhost by itself, as one address', async () => {
    expect(await resolve('localhost')).toMatchObject({ v4: ['127.0.0.1'], v6: [] });
    expect(await resolve('LOCALHOST', '/nonexistent')).toMatchObject({ v4: ['127.0.0.1'] });
    expect(dns.asked).toEqual([]);
  });

  it('reads the hosts file first, without regard to case', async () => {
    expect(await resolve('DB')).toMatchObject({ v4: ['10.1.1.1'], v6: ['fd00::5'] });
    expect(await resolve('db.internal')).toMatchObject({ v4: ['10.1.1.1'], v6: [] });
    expect(dns.asked).toEqual([]);
    await expect(resolve('commented')).rejects.toThrow();
  });

  it('gives up at once when it is told to', async () => {
    zones['slow.test'] = { code: 'silent' };
    const ends = new AbortController();
    const call = new DnsResolver(hosts, [dns.server]).resolve('slow.test', ends.signal);
    call.catch(() => undefined);
    await eventually(() => dns.asked.length > 0);
    ends.abort();
    await expect(call).rejects.toThrow(/ECANCELLED/);
    await expect(new DnsResolver(hosts, [dns.server]).resolve('slow.test', ends.signal)).rejects.toThrow(/aborted/);
  });
});
