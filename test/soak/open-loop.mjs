import { Agent, get } from 'node:http';

const TICK_MS = 2;
const GIVE_UP_MS = 20_000;

/**
 * GET at a fixed rate, whatever becomes of the answers.
 *
 * A client that waits for answers before it asks again does not ask during a stall, and so hardly sees it. Here a
 * request's time counts from the moment it was handed to the agent, waiting for a connection included.
 */
export class OpenLoop {
  /** `{ at, ms, attempt, problem }`: ms since the start, duration, attempts it took, null or what went wrong. */
  records = [];
  #agent = new Agent({ keepAlive: true, maxSockets: 256 });
  #open = new Set();
  #sent = 0;
  #startedAt = performance.now();
  #timer;

  constructor(target, rate) {
    this.target = target;
    this.rate = rate;
    this.#timer = setInterval(() => this.#sendDue(), TICK_MS);
  }

  get elapsedMs() {
    return performance.now() - this.#startedAt;
  }

  /** Sends no more, and waits for what is still open. */
  async stop() {
    clearInterval(this.#timer);
    await Promise.all(this.#open);
    this.#agent.destroy();
    return this.records;
  }

  #sendDue() {
    const due = Math.floor((this.elapsedMs / 1000) * this.rate);
    while (this.#sent < due) {
      const at = this.elapsedMs;
      this.#sent += 1;
      const request = this.#ask().then(({ problem, attempt }) => {
        this.#open.delete(request);
        this.records.push({ at, ms: this.elapsedMs - at, attempt, problem });
      });
      this.#open.add(request);
    }
  }

  #ask() {
    const { port, path, size } = this.target;
    return new Promise((resolve) => {
      const options = { host: '127.0.0.1', port, path, agent: this.#agent, timeout: GIVE_UP_MS };
      const request = get(options, (response) => {
        let received = 0;
        response.on('data', (bytes) => {
          received += bytes.length;
        });
        response.on('error', (error) => resolve({ problem: `cut off: ${error.code}`, attempt: 1 }));
        response.on('end', () => {
          const { 'x-attempt': attempt = '1', 'x-remora-failure': failure = 'by the endpoint' } = response.headers;
          if (response.statusCode !== 200) resolve({ problem: `${response.statusCode} ${failure}`, attempt: 1 });
          else resolve({ problem: received === size ? null : 'wrong length', attempt: Number(attempt) });
        });
      });
      request.on('timeout', () => request.destroy(new Error(`silent for ${GIVE_UP_MS} ms`)));
      request.on('error', (error) => resolve({ problem: error.code ?? error.message, attempt: 1 }));
    });
  }
}
