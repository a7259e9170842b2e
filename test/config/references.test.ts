// biome-ignore-all lint/suspicious/noTemplateCurlyInString: references of the configuration look like this
import { describe, expect, it } from 'vitest';
import { complaints, good, web } from './parse.ts';

const env = { TOKEN: 's3cret', PORT: '9001', RATIO: '0.5', EMPTY: '' };
const files: Record<string, string> = { '/run/token': 'from-file\n', '/run/two': 'a\nb' };
const readFile = (path: string): string => {
  const text = files[path];
  if (text === undefined) throw new Error(`no such file: ${path}`);
  return text;
};

describe('references in the local file', () => {
  it('stand for a variable, a file less its last line feed, or a part of a text', () => {
    const config = good(
      web(
        'consul: { address: "http://${env:TOKEN}.example:${env:PORT}", token: "${file:/run/token}" }\nstateDir: ${env:TOKEN}/x',
      ),
      { env, readFile },
    );
    expect(config.consul).toMatchObject({ address: 'http://s3cret.example:9001', token: 'from-file' });
    expect(config.stateDir).toBe('s3cret/x');
  });

  it('serve for numbers too', () => {
    expect(good(web('admin: { port: "${env:PORT}" }'), { env }).admin.port).toBe(9001);
    expect(good(web('outbound:\n  port: ${env:PORT}\n'), { env }).outbound?.port).toBe(9001);
  });

  it('work in --set', () => {
    expect(good(web(), { env, set: ['admin.port=${env:PORT}'] }).admin.port).toBe(9001);
  });

  it('are refused by name when they lead nowhere', () => {
    const text = web(
      'consul: { token: "${env:NOPE}", datacenter: "${file:/nope}", namespace: "${HOME}" }\nstateDir: "a${env:TOKEN"\n',
    );
    expect(complaints(text, { env, readFile })).toEqual([
      'remora.yaml:2:18 consul.token: found ${env:NOPE}, expected the environment variable NOPE to be set',
      'remora.yaml:2:45 consul.datacenter: found ${file:/nope}, expected a file that can be read; no such file: /nope',
      'remora.yaml:2:73 consul.namespace: found ${HOME}, expected ${env:NAME} or ${file:PATH}',
      'remora.yaml:3:11 stateDir: found ${env:TOKEN, expected ${env:NAME} or ${file:PATH}',
    ]);
  });

  it('never show in a problem what they stand for', () => {
    const text = web(
      'admin: { port: "${env:TOKEN}" }\nconsul: { address: "ftp://${env:TOKEN}", token: "${file:/run/two}" }\n',
    );
    const lines = complaints(text, { env, readFile });
    expect(lines).toEqual([
      'remora.yaml:2:16 admin.port: found "${env:TOKEN}", expected a port from 0 (any free one) to 65535',
      'remora.yaml:3:20 consul.address: found "ftp://${env:TOKEN}", expected http://host:port, https://host:port or unix:///path',
      'remora.yaml:3:49 consul.token: found a text that is not shown, expected text',
    ]);
  });

  it('do not show through contradictions either', () => {
    const text = web('consul: { address: "http://${env:TOKEN}:80", tls: { caFile: /ca } }\n');
    expect(complaints(text, { env }).join()).not.toContain('s3cret');
  });
});
