import { fillQueue, LOST_HOST } from '../support/black-hole.ts';
import { slowloris, slowReaders } from './hostile.mjs';

const READERS = 100;
const SLOW_HEADS = 1000;
export const LARGE_PATH = '/?bytes=10485760&whole';

/**
 * Each begins a fault in one of three backends, or in all, or among the clients, and returns what ends it (and may remark
 * on it). `victims` are those whose traffic has to come back.
 */
export const FAULTS = [
  { name: 'none', title: 'nothing happens', victims: 0, begin: async () => () => {} },
  one('kill', 'one backend killed (-9), then back', async (victim) => {
    await victim.kill();
    return () => victim.restart();
  }),
  one('freeze', 'one backend frozen (SIGSTOP), then back', async (victim) => {
    victim.freeze();
    return () => victim.thaw();
  }),
  {
    ...one('hole', 'all packets to one backend dropped, then no more', (victim, { hole }) =>
      hole === null ? fullQueue(victim) : dropped(hole),
    ),
    /** Where the first backend has to be for it. */
    origin: (hole) => (hole === null ? { backlog: 1 } : { host: LOST_HOST }),
  },
  mode('reset', 'one backend resets before it answers, then well again', 'reset=before'),
  mode('storm', 'one backend answers 503, then well again', 'status=503'),
  mode('tenth', 'one backend is slow (2 s) for one in ten, then well again', 'delay=2000&each=10'),
  mode('silent', 'one backend takes requests and never answers, then well again', 'never'),
  mode('half', 'one backend sends half an answer, then well again', 'reset=middle'),
  {
    name: 'all',
    title: 'all backends killed (-9), then back',
    victims: 3,
    begin: async ({ origins }) => {
      await Promise.all(origins.map((origin) => origin.kill()));
      return async () => {
        await Promise.all(origins.map((origin) => origin.restart()));
      };
    },
  },
  {
    name: 'rolling',
    title: 'all backends restarted in turn (-9), again and again',
    victims: 3,
    begin: async ({ origins }) => {
      let isOver = false;
      const rolling = (async () => {
        for (let i = 0; !isOver; i = (i + 1) % origins.length) {
          await origins[i].kill();
          await origins[i].restart();
          await new Promise((resolve) => setTimeout(resolve, 500));
        }
      })();
      return async () => {
        isOver = true;
        await rolling;
      };
    },
  },
  {
    name: 'slow-readers',
    title: `${READERS} clients ask for 10 MiB and read nothing`,
    victims: 0,
    begin: async ({ remora }) => {
      const crowd = slowReaders(remora.ports.http, LARGE_PATH, READERS);
      return () => `${crowd.leave()} of ${READERS} readers thrown out`;
    },
  },
  {
    name: 'slowloris',
    title: `${SLOW_HEADS} clients never finish a head`,
    victims: 0,
    begin: async ({ remora }) => {
      const crowd = slowloris(remora.ports.http, SLOW_HEADS);
      return () => `${crowd.leave()} of ${SLOW_HEADS} slow heads thrown out`;
    },
  },
];

function one(name, title, begin) {
  return { name, title, victims: 1, begin: (parts) => begin(parts.origins[0], parts) };
}

function mode(name, title, words) {
  return one(name, title, async (victim) => {
    await victim.mode(words);
    return () => victim.mode('');
  });
}

async function dropped(hole) {
  hole.begin();
  return () => hole.end();
}

async function fullQueue(victim) {
  victim.freeze();
  const crowd = await fillQueue('127.0.0.1', victim.port);
  return () => {
    for (const socket of crowd) socket.destroy();
    victim.thaw();
    return 'no namespace here: a stopped process with a full queue';
  };
}
