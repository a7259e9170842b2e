import { request } from 'node:http';
import { connect } from 'node:http2';

/**
 * Is this proxy doing the work at all? Its answer must be the backend's, byte for byte. Asked twice for each case,
 * because the second answer comes over kept connections.
 */
export async function verify(name, proxy, measured, bodies) {
  const { path, headers } = measured.load;
  for (let i = 0; i < 2; i++) {
    const fetch = measured.load.port === 'h2' ? fetchH2 : fetchWhole;
    const answer = await fetch(proxy.ports[measured.load.port], path, headers);
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

function fetchH2(port, path, headers) {
  return new Promise((resolve, reject) => {
    const session = connect(`http://127.0.0.1:${port}`);
    const stream = session.request({ ':path': path, ...headers });
    const chunks = [];
    let status = 0;
    stream.setTimeout(10_000, () => session.destroy(new Error(`no answer to ${path} in 10 s`)));
    stream.on('response', (fields) => {
      status = fields[':status'];
    });
    stream.on('data', (bytes) => chunks.push(bytes));
    stream.on('end', () => {
      session.close();
      resolve({ status, body: Buffer.concat(chunks) });
    });
    stream.on('error', reject);
    session.on('error', reject);
  });
}
