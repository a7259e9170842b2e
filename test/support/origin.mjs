// A backend of fixed answers: `node origin.mjs FOLDER PORT...` serves the folder's files from memory on every port.
import { readdirSync, readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { join } from 'node:path';

const [folder, ...ports] = process.argv.slice(2);
const bodies = new Map(readdirSync(folder).map((name) => [`/${name}`, readFileSync(join(folder, name))]));

function answer(request, response) {
  request.resume();
  const body = bodies.get(request.url);
  const code = body === undefined ? 404 : 200;
  const bytes = code === 200 ? body : Buffer.from(`${code}\n`);
  response.writeHead(code, {
    'content-type': 'application/octet-stream',
    'content-length': bytes.length,
  });
  response.end(bytes);
}

for (const port of ports) {
  const server = createServer({ keepAliveTimeout: 600_000, requestTimeout: 0 }, answer);
  server.listen(Number(port), '127.0.0.1', 4096);
}
