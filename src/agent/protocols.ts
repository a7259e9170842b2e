import type { InboundConfig, ServiceConfig, UpstreamConfig } from '../config/config.ts';
import type { PlanLabels } from '../proxy/labels.ts';

/** What a port takes: HTTP of any version, HTTP/2 alone, bytes, or whatever the first bytes show. */
export type PortProtocol = 'http' | 'http2' | 'tcp' | 'auto';

/**
 * gRPC has no other wire, so its port need not be polite to HTTP/1.1; services that speak HTTP/2 have callers of both.
 */
export function portProtocolOf(protocol: UpstreamConfig['protocol'] | InboundConfig['protocol']): PortProtocol {
  if (protocol === 'grpc') return 'http2';
  return protocol === 'tcp' || protocol === 'auto' ? protocol : 'http';
}

/** What endpoints are spoken to. `auto`: what the client speaks. */
export type EndpointProtocol = 'http1' | 'http2' | 'auto';

export function endpointProtocolOf(protocol: UpstreamConfig['protocol']): EndpointProtocol {
  if (protocol === 'http2' || protocol === 'grpc') return 'http2';
  return protocol === 'auto' ? 'auto' : 'http1';
}

/** What is counted of an upstream: not how its endpoints are spoken to. */
export function upstreamLabel(protocol: UpstreamConfig['protocol']): PlanLabels['protocol'] {
  return protocol === 'http2' ? 'http' : protocol;
}

/** What is counted of the local application, by its port and by what it speaks. */
export function inboundLabel(
  port: InboundConfig['protocol'],
  application: ServiceConfig['protocol'],
): PlanLabels['protocol'] {
  return port === 'http' && application === 'grpc' ? 'grpc' : port;
}
