/**
 * What is measured, with the project's goals beside it as multiples of HAProxy's cost in the same run.
 *
 * A gate has two values: for transports made of public Node APIs only, and for the handle-level one.
 */
export const CASES = [
  keepAlive('http-100b', 'HTTP keep-alive, 100 B body, minimal head', '/100b', {}),
  keepAlive('http-100b-head', 'HTTP keep-alive, 100 B body, 800 B head', '/100b', longHead()),
  keepAlive('http-10k', 'HTTP keep-alive, 10 KiB body, minimal head', '/10k', {}),
  keepAlive('http-10k-head', 'HTTP keep-alive, 10 KiB body, 800 B head', '/10k', longHead()),
  {
    name: 'connect',
    title: 'HTTP, new client connection per request',
    unit: 'us/req',
    goal: { public: 5, handle: 3.5, aim: 1.5 },
    load: { port: 'http', path: '/100b', headers: { Connection: 'close' }, connections: 32 },
  },
  {
    name: 'http-1m',
    title: 'HTTP, 1 MiB bodies',
    unit: 'us/MiB',
    goal: { public: 1.3, handle: 1.2, aim: 1 },
    load: { port: 'http', path: '/1m', headers: {}, connections: 8 },
  },
  {
    name: 'tcp-small',
    title: 'TCP, small messages',
    unit: 'us/msg',
    goal: { public: 2, handle: 1.9, aim: 1.5 },
    load: { port: 'tcp', path: '/100b', headers: {}, connections: 32 },
  },
  {
    name: 'tcp-bulk',
    title: 'TCP, bulk (1 MiB messages)',
    unit: 'us/MiB',
    goal: { public: 1.3, handle: 1.2, aim: 1 },
    load: { port: 'tcp', path: '/1m', headers: {}, connections: 8 },
  },
  unary('h2-8x16', 'HTTP/2 both ways, 100 B, 8 connections of 16 streams', 8, 16, { gate: 2.5, aim: 1.2 }),
  unary('h2-32x1', 'HTTP/2 both ways, 100 B, 32 connections of 1 stream', 32, 1, { gate: 3, aim: 1.5 }),
  {
    name: 'h2-1m',
    title: 'HTTP/2 both ways, 1 MiB bodies',
    unit: 'us/MiB',
    goal: { public: 1.5, handle: 1.5, aim: 1 },
    load: { port: 'h2', path: '/1m', headers: {}, connections: 8, streams: 1 },
  },
];

/** Measured by itself: no load, and the goals are MiB and not ratios. */
export const MEMORY_CASE = {
  name: 'memory',
  title: 'Resident memory, 1000 idle connections',
  unit: 'MiB',
  goal: { public: 90, handle: 80, aim: 60 },
};

function keepAlive(name, title, path, headers) {
  const goal = { public: 1.9, handle: 1.5, aim: 1.25 };
  return { name, title, unit: 'us/req', goal, load: { port: 'http', path, headers, connections: 32 } };
}

/** As gRPC calls are made. nginx is to be no cheaper either. */
function unary(name, title, connections, streams, { gate, aim }) {
  const goal = { public: gate, handle: gate, aim };
  const headers = { 'user-agent': 'grpc-node-js/1.14.0', te: 'trailers', 'x-tenant': 'north-west-4' };
  return { name, title, unit: 'us/req', goal, load: { port: 'h2', path: '/100b', headers, connections, streams } };
}

/** Eleven fields as a browser behind a gateway sends them: about 800 bytes with the request line. */
function longHead() {
  return {
    'User-Agent':
      'Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0 Safari/537.36',
    Accept: 'text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8',
    'Accept-Encoding': 'gzip, deflate, br, zstd',
    'Accept-Language': 'en-GB,en;q=0.9,de;q=0.8,fr;q=0.7',
    Authorization: `Bearer ${'eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.'.repeat(4)}`,
    'Cache-Control': 'no-cache',
    Cookie: 'session=7f3a9c1e5b2d4860; theme=dark; consent=all; visitor=01J2ZK8Q4V7N3M5T6R9W0XYBCD',
    Referer: 'https://shop.example.com/catalogue/garden/chairs?page=3&sort=price',
    'X-Client-Version': 'web-2024.31.4',
    'X-Tenant': 'north-west-4',
    'X-Correlation-Id': '5b0e2c8e-8f0d-4a57-9a63-1d6a2f5f7c11',
  };
}
