// A service of a fixed capacity: `node busy-app.mjs PLACES MS` serves so many requests at a time, each for so long, by
// sleeping; whoever comes meanwhile waits in line, and is served even when it has left, since it cannot know. Told to over
// IPC, it says what it did since it was last told.
import { createServer } from 'node:http';

const [places, ms] = process.argv.slice(2).map(Number);
const line = [];
let running = 0;
let seen = fresh();

function fresh() {
  return { begun: 0, served: 0, busyMs: 0, longestLine: 0 };
}

function begin(answer) {
  running += 1;
  const at = performance.now();
  setTimeout(() => {
    running -= 1;
    seen.served += 1;
    seen.busyMs += performance.now() - at;
    answer.writeHead(200, { 'content-length': 3 }).end('ok\n');
    const next = line.shift();
    if (next !== undefined) begin(next);
  }, ms);
}

const server = createServer({ keepAliveTimeout: 60_000 }, (asked, answer) => {
  asked.resume();
  seen.begun += 1;
  if (running < places) return begin(answer);
  line.push(answer);
  seen.longestLine = Math.max(seen.longestLine, line.length);
});

process.on('message', () => {
  process.send(seen);
  seen = fresh();
});
process.on('disconnect', () => process.exit());
server.listen(0, '127.0.0.1', 4096, () => process.send({ port: server.address().port }));
