import { describe, expect, it } from 'vitest';
import { complaints, good, web } from './parse.ts';

describe('Consul in the environment', () => {
  it('completes what the file leaves open', () => {
    const env = {
      CONSUL_HTTP_ADDR: 'https://consul:8501',
      CONSUL_HTTP_TOKEN: 'from-env',
      CONSUL_NAMESPACE: 'ns',
      CONSUL_CACERT: '/ca',
      CONSUL_HTTP_SSL_VERIFY: 'false',
    };
    expect(good(web('consul: { namespace: mine }'), { env }).consul).toMatchObject({
      address: 'https://consul:8501',
      token: 'from-env',
      namespace: 'mine',
      tls: { caFile: '/ca', verify: false },
    });
  });

  it('is not asked for a token when the file names one in either way', () => {
    const env = { CONSUL_HTTP_TOKEN: 'from-env', CONSUL_HTTP_TOKEN_FILE: '/from/env' };
    expect(good(web('consul: { token: mine }'), { env }).consul).toMatchObject({ token: 'mine', tokenFile: null });
    expect(good(web('consul: { tokenFile: /mine }'), { env }).consul).toMatchObject({
      token: null,
      tokenFile: '/mine',
    });
    expect(good(web('consul: {}'), { env }).consul).toMatchObject({ token: null, tokenFile: '/from/env' });
  });

  it('does not switch Consul on by a token alone, nor by an empty address', () => {
    expect(good(web(), { env: { CONSUL_HTTP_TOKEN: 't', CONSUL_HTTP_ADDR: '' } }).consul).toBeNull();
  });

  it('leaves certificates of the machine aside when Consul is asked in the clear', () => {
    const env = { CONSUL_CACERT: '/ca' };
    expect(good(web('consul: {}'), { env }).consul?.tls.caFile).toBeNull();
  });

  it('is named as the place of what is wrong in it', () => {
    expect(complaints(web(), { env: { CONSUL_HTTP_ADDR: 'http://a b' } })).toEqual([
      'environment CONSUL_HTTP_ADDR consul.address: found "http://a b", expected http://host:port, https://host:port or unix:///path',
    ]);
  });
});

describe('OpenTelemetry in the environment', () => {
  it('switches export on', () => {
    const env = {
      OTEL_EXPORTER_OTLP_ENDPOINT: 'http://collector:4318',
      OTEL_EXPORTER_OTLP_PROTOCOL: 'grpc',
      OTEL_EXPORTER_OTLP_HEADERS: 'Api-Key=a%20b, x=100%',
    };
    expect(good(web(), { env }).telemetry.otlp).toEqual({
      endpoint: 'http://collector:4318',
      protocol: 'grpc',
      headers: { 'api-key': 'a b', x: '100%' },
    });
  });

  it('gives way to the file', () => {
    const env = { OTEL_EXPORTER_OTLP_ENDPOINT: 'http://env:4318' };
    const config = good(web('telemetry: { otlp: { endpoint: "http://file:4318" } }'), { env });
    expect(config.telemetry.otlp?.endpoint).toBe('http://file:4318');
  });

  it('is refused where it asks for what is not there', () => {
    const env = {
      OTEL_EXPORTER_OTLP_ENDPOINT: 'http://c:1',
      OTEL_EXPORTER_OTLP_PROTOCOL: 'http/json',
      OTEL_EXPORTER_OTLP_HEADERS: 'x',
    };
    expect(complaints(web(), { env })).toEqual([
      'environment OTEL_EXPORTER_OTLP_PROTOCOL telemetry.otlp.protocol: found "http/json", expected one of grpc, http/protobuf',
      'environment OTEL_EXPORTER_OTLP_HEADERS telemetry.otlp.headers: found a text that is not shown, expected a map of texts',
    ]);
  });
});
