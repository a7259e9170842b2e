import { fillQueue, LOST_HOST, PacketHole } from '../support/black-hole.ts';
import { monotonicMs } from './load.ts';
import type { OriginApp } from './origin-app.ts';
import { failedOf, Trial } from './trial.ts';

/**
 * One of three endpoints in a black hole, as a program: a network namespace belongs to a whole process. `packets` is to be
 * run in one of its own; `queue` does with a stopped process. Prints what came of it as JSON.
 */
const kind = process.argv[2];
const hole = kind === 'packets' ? PacketHole.prepare() : null;
const trial = await Trial.start({
  host: hole === null ? '127.0.0.1' : LOST_HOST,
  backlog: hole === null ? 1 : 1024,
});
const { victim } = trial;

const at = monotonicMs();
const trips = await trial.trips();
const end = hole === null ? await stop(victim) : disappear(hole);
// What it had been given before may be begun a little later.
await trial.more(50);
const begunBefore = victim.begun.length;
await trial.more(200);
await trial.tripped(trips);
const reached = victim.begun.length - begunBefore;
await end();
await trial.recovered();
const { gets: lost } = trial.since(at);
const { gets, posts, unsent } = await trial.end();
await trial.scene.close();
const { excess, ratio, mostResent } = gets;
console.log(
  JSON.stringify({
    requests: lost.length,
    failed: failedOf(lost),
    reached,
    excess,
    ratio,
    mostResent,
    unsent,
    postsTwice: posts.repeated,
  }),
);
process.exit();

function disappear(hole: PacketHole): () => void {
  hole.begin();
  return () => hole.end();
}

async function stop(origin: OriginApp): Promise<() => void> {
  origin.freeze();
  const crowd = await fillQueue('127.0.0.1', origin.port);
  return () => {
    for (const socket of crowd) socket.destroy();
    origin.thaw();
  };
}
