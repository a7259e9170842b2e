import { request } from 'node:http';

/**
 * Is this proxy doing the work at all? Its answer must be the backend's, byte for byte. Asked twice for each case,
 * because the second answer comes over kept connections.
 */
export async function verify(name, proxy, measured, bodies) {
  const { path, headers } = measured.load;
  for (let i = 0; i < 2; i++) {
    const answer = await fetchWhole(proxy.ports[measured.load.port], path, headers);
    if (answer.status !== 200) throw new Error(`${name} answers ${answer.status} to ${path}`);
    if (!answer.body.equals(bodies.get(path))) throw new Error(`${name} changes the body of ${path}`);
    const mustClose = headers.Connection === 'close' && measured.load.port === 'http';
    if (mustClose && answer.connection !== 'close') throw new Error(`${name} keeps a connection it was asked to close`);
  }
}

function fetchWhole(port, path, headers) {
  return new Promise((resolve, reject) => {
    const options = { host: '127.0.0.1', port, path, headers, agent: false, timeout: 10_000 };
    const sent = request(options, (response) => {
      const chunks = [];
      response.on('data', (bytes) => chunks.push(bytes));
      response.on('error', reject);
      response.on('end', () => {
        const connection = response.headers.connection?.toLowerCase();
        resolve({ status: response.statusCode, body: Buffer.concat(chunks), connection });
      });
    });
    sent.on('timeout', () => sent.destroy(new Error(`no answer to ${path} in 10 s`)));
    sent.on('error', reject);
    sent.end();
  });
}
