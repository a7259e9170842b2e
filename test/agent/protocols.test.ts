import { expect, it } from 'vitest';
import { inboundLabel, portProtocolOf, upstreamLabel } from '../../src/agent/protocols.ts';

it('counts an upstream by what its clients do, not by how its endpoints are spoken to', () => {
  const protocols = ['http', 'http2', 'grpc', 'tcp', 'auto'] as const;
  expect(protocols.map(upstreamLabel)).toEqual(['http', 'http', 'grpc', 'tcp', 'auto']);
});

it('takes both versions of HTTP on every port for it but that of gRPC, which has one', () => {
  const protocols = ['http', 'http2', 'grpc', 'tcp', 'auto'] as const;
  expect(protocols.map(portProtocolOf)).toEqual(['http', 'http', 'http2', 'tcp', 'auto']);
});

it('counts every request to an application that speaks gRPC as a call', () => {
  expect(inboundLabel('http', 'grpc')).toBe('grpc');
  expect(inboundLabel('http', 'http2')).toBe('http');
  expect(inboundLabel('grpc', 'auto')).toBe('grpc');
  expect(inboundLabel('auto', 'grpc')).toBe('auto');
  expect(inboundLabel('tcp', 'auto')).toBe('tcp');
});
