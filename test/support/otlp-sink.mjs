import { createServer } from 'node:http';

/** A collector that takes everything and keeps nothing but counts, so that exporting really happens. OTLP over HTTP. */
export async function startOtlpSink() {
  const seen = { posts: 0, bytes: 0 };
  const server = createServer((request, response) => {
    seen.posts += 1;
    request.on('data', (bytes) => {
      seen.bytes += bytes.length;
    });
    // An empty protobuf message is a complete answer: everything was accepted.
    request.on('end', () => response.writeHead(200, { 'content-type': 'application/x-protobuf' }).end());
  });
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  server.unref();
  return { endpoint: `http://127.0.0.1:${server.address().port}`, seen };
}
