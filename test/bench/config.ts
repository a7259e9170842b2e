import { request } from 'node:http';
import { ConsulAgent, findConsul } from '../support/consul.ts';
import { Sidecar } from '../support/sidecar.ts';

/**
 * `npm run bench:config`: how long a document takes from its write to Consul's KV store until it answers requests, and the
 * longest that it holds the event loop of the sidecar. Routes answer with the number of their document, so nothing but
 * the sidecar is measured. Prints and asserts nothing.
 */
const SIZES = [1, 100, 1_000];
const CHANGES = 9;
const KEY = '/kv/remora/config/mesh';

const consul = await findConsul();
if (consul.path === null) {
  console.error(`bench:config: ${consul.missing}`);
  process.exit(2);
}
const agent = await ConsulAgent.start(consul.path);
await agent.http.put(KEY, '{}');
const web = await Sidecar.start({
  service: { name: 'web', port: 8080 },
  outbound: { port: 0 },
  consul: { address: agent.http.address },
});
try {
  console.log('routes   KiB   ms to traffic, median   worst   ms of the loop held, worst');
  let number = 0;
  for (const size of SIZES) {
    const times: number[] = [];
    let held = 0;
    let bytes = 0;
    for (let change = 0; change < CHANGES; change++) {
      number += 1;
      const text = JSON.stringify(documentOf(size, number));
      bytes = text.length;
      // A change in twice the time that the watch takes for one in a storm is what an operator sees.
      await new Promise((resolve) => setTimeout(resolve, 1_000));
      // Quantiles are those since the last look.
      await heldMs();
      const startedAt = performance.now();
      await agent.http.put(KEY, text);
      while ((await bodyOf(`h${size - 1}.shop.local`)) !== String(number)) {
        // Asked again at once: the next answer may be the new one's.
      }
      times.push(performance.now() - startedAt);
      held = Math.max(held, await heldMs());
    }
    times.sort((a, b) => a - b);
    const [median, worst] = [times[CHANGES >> 1]!, times.at(-1)!];
    const cells = [(bytes / 1024).toFixed(0).padStart(6), median.toFixed(0).padStart(23), worst.toFixed(0).padStart(8)];
    console.log(`${String(size).padStart(6)}${cells.join('')}${held.toFixed(0).padStart(29)}`);
  }
} finally {
  await web.kill();
  await agent.stop();
}

function documentOf(size: number, number: number): object {
  const routes = Array.from({ length: size }, (_, i) => [
    `r${i}`,
    {
      hosts: [`h${i}.shop.local`],
      match: { path: { segments: `/api/v${i % 7}` } },
      respond: { body: String(number) },
    },
  ]);
  // Of the one that is asked for, any path will do.
  const asked = { hosts: [`h${size - 1}.shop.local`], respond: { body: String(number) } };
  return { routes: { ...Object.fromEntries(routes), asked } };
}

async function heldMs(): Promise<number> {
  return (await web.metric('remora_event_loop_delay_seconds', { quantile: '1' })) * 1000;
}

function bodyOf(host: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const asked = request({ port: web.port('outbound'), headers: { host } }, (answer) => {
      let body = '';
      answer.setEncoding('utf8');
      answer.on('data', (text: string) => {
        body += text;
      });
      answer.on('end', () => resolve(body));
    });
    asked.on('error', reject);
    asked.end();
  });
}
