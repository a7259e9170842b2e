import { defaultResource, resourceFromAttributes } from '@opentelemetry/resources';
import type { SpanExporter } from '@opentelemetry/sdk-trace';
import { ATTR_SERVICE_INSTANCE_ID, ATTR_SERVICE_NAME, ATTR_SERVICE_VERSION } from '@opentelemetry/semantic-conventions';
import type { SpanOrigin } from './finished-span.ts';

export interface OtlpOptions {
  /** `http://host:port` or `https://`; for HTTP, the path of the traces is added where it is missing. */
  readonly endpoint: string;
  readonly protocol: 'grpc' | 'http/protobuf';
  readonly headers: Readonly<Record<string, string>>;
}

/** Whose spans these are. */
export interface SpanIdentity {
  readonly serviceName: string;
  readonly instanceId: string;
  /** Of remora. */
  readonly version: string;
}

/** One export, the exporter's own retries included. */
const EXPORT_TIMEOUT_MS = 10_000;

/** Exporters are loaded when they are wanted: gRPC's takes 6 MiB. */
export async function openExporter(
  { endpoint, protocol, headers }: OtlpOptions,
  timeoutMillis = EXPORT_TIMEOUT_MS,
): Promise<SpanExporter> {
  if (protocol === 'http/protobuf') {
    const { OTLPTraceExporter } = await import('@opentelemetry/exporter-trace-otlp-proto');
    return new OTLPTraceExporter({ url: tracesUrl(endpoint), headers: { ...headers }, timeoutMillis });
  }
  const { OTLPTraceExporter } = await import('@opentelemetry/exporter-trace-otlp-grpc');
  const { Metadata } = await import('@grpc/grpc-js');
  const metadata = new Metadata();
  for (const [name, value] of Object.entries(headers)) metadata.set(name, value);
  return new OTLPTraceExporter({ url: endpoint, metadata, timeoutMillis });
}

/** The version is remora's: that of the application beside it is not known here. */
export function spanOrigin({ serviceName, instanceId, version }: SpanIdentity): SpanOrigin {
  const own = resourceFromAttributes({
    [ATTR_SERVICE_NAME]: serviceName,
    [ATTR_SERVICE_INSTANCE_ID]: instanceId,
    [ATTR_SERVICE_VERSION]: version,
  });
  return { resource: defaultResource().merge(own), instrumentationScope: { name: 'remora', version } };
}

/** OpenTelemetry's rule for a base endpoint; one that already names the traces is taken as it is. */
export function tracesUrl(endpoint: string): string {
  const base = endpoint.replace(/\/+$/, '');
  return base.endsWith('/v1/traces') ? base : `${base}/v1/traces`;
}
