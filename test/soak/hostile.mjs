import { connect } from 'node:net';

/** Clients that ask for much and read nothing until they are closed. */
export function slowReaders(port, path, count) {
  return crowd(count, () => {
    const socket = connect(port, '127.0.0.1');
    socket.pause();
    socket.write(`GET ${path} HTTP/1.1\r\nHost: orders\r\n\r\n`);
    return socket;
  });
}

/** Clients that never finish their request: one more byte of a head each second. */
export function slowloris(port, count) {
  return crowd(count, () => {
    const socket = connect(port, '127.0.0.1');
    socket.write('GET / HTTP/1.1\r\nHost: orders\r\nX-Slow: ');
    const timer = setInterval(() => socket.write('a'), 1000);
    socket.on('close', () => clearInterval(timer));
    socket.resume();
    return socket;
  });
}

function crowd(count, open) {
  let closed = 0;
  const sockets = Array.from({ length: count }, open);
  for (const socket of sockets) {
    socket.on('error', () => {}); // being thrown out is what they are there for
    socket.on('close', () => {
      closed += 1;
    });
  }
  return {
    /** How many had been thrown out by then. */
    leave() {
      const thrownOut = closed;
      for (const socket of sockets) socket.destroy();
      return thrownOut;
    },
  };
}
