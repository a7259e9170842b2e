import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { statusOf } from '../support/remora.mjs';
import { freePorts, hasProgram } from '../support/workbench.mjs';

/**
 * The proxies that remora is compared with, set up to do the nearest thing they can: one thread, upstream
 * connections kept, two random choices, retries of a failed connect, X-Forwarded-For.
 */
export const PEERS = { haproxy: startHaproxy, nginx: startNginx };

async function startHaproxy(bench, { ports, h2Ports }) {
  if (!hasProgram('haproxy')) throw new Error('not installed');
  const [http, tcp, h2] = await freePorts(3);
  const serversOf = (list, how) => list.map((port, i) => `  server s${i} 127.0.0.1:${port}${how}`).join('\n');
  const servers = serversOf(ports, '');
  const file = join(bench.folder, 'haproxy.cfg');
  writeFileSync(
    file,
    `global
  nbthread 1
  maxconn 4000
defaults
  timeout connect 1s
  timeout client 600s
  timeout server 600s
  retries 3
  option redispatch
frontend web
  mode http
  option forwardfor
  bind 127.0.0.1:${http}
  default_backend orders
backend orders
  mode http
  http-reuse always
  balance random
${servers}
${h2Ports === null ? '' : h2Section(h2, serversOf(h2Ports, ' proto h2'))}
frontend raw
  mode tcp
  bind 127.0.0.1:${tcp}
  default_backend cache
backend cache
  mode tcp
  balance random
${servers}
`,
  );
  const job = bench.start('haproxy', 'haproxy', ['-db', '-f', file]);
  await bench.until(job, 'ready', async () => (await statusOf(http, '/100b')) === 200);
  return { job, ports: { http, tcp, h2: h2Ports === null ? null : h2 } };
}

function h2Section(port, servers) {
  return `frontend rpc
  mode http
  option forwardfor
  bind 127.0.0.1:${port} proto h2
  default_backend rpcs
backend rpcs
  mode http
  http-reuse always
  balance random
${servers}`;
}

/** Debian's small nginx has no stream module; then there is no TCP port, and it is left out of those cases. */
async function startNginx(bench, { ports, h2Ports }) {
  if (!hasProgram('nginx')) throw new Error('not installed');
  const [http, tcp, h2] = await freePorts(3);
  const hasStream = existsSync(STREAM_MODULE);
  const servers = ports.map((port) => `server 127.0.0.1:${port};`).join(' ');
  const main = hasStream ? `load_module ${STREAM_MODULE};` : '';
  const stream = `stream { upstream cache { random two least_conn; ${servers} } server { listen 127.0.0.1:${tcp}; proxy_pass cache; } }`;
  const job = runNginx(
    bench,
    'nginx',
    `upstream orders { random two least_conn; ${servers} keepalive 64; keepalive_requests 1000000000; }
  server {
    listen 127.0.0.1:${http} backlog=4096;
    location / {
      proxy_pass http://orders;
      proxy_http_version 1.1;
      proxy_set_header Connection "";
      proxy_set_header Host $http_host;
      proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
      proxy_buffers 16 64k;
      proxy_max_temp_file_size 0;
    }
  }
  ${h2Ports === null ? '' : grpcServer(h2, h2Ports)}`,
    main,
    hasStream ? stream : '',
  );
  await bench.until(job, 'ready', async () => (await statusOf(http, '/100b')) === 200);
  return { job, ports: { http, tcp: hasStream ? tcp : null, h2: h2Ports === null ? null : h2 } };
}

function grpcServer(port, ports) {
  const servers = ports.map((one) => `server 127.0.0.1:${one};`).join(' ');
  return `upstream rpcs { random two least_conn; ${servers} keepalive 64; keepalive_requests 1000000000; }
  server {
    listen 127.0.0.1:${port} http2 backlog=4096;
    http2_max_concurrent_streams 1024;
    location / { grpc_pass grpc://rpcs; grpc_set_header X-Forwarded-For $proxy_add_x_forwarded_for; }
  }`;
}

const STREAM_MODULE = '/usr/lib/nginx/modules/ngx_stream_module.so';

/** One nginx process in the foreground, with nothing outside the bench's folder. */
export function runNginx(bench, name, http, main = '', stream = '') {
  const file = join(bench.folder, `${name}.conf`);
  const scratch = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'];
  writeFileSync(
    file,
    `${main}
daemon off;
master_process off;
worker_processes 1;
pid ${bench.folder}/${name}.pid;
error_log stderr crit;
events { worker_connections 8192; }
http {
  access_log off;
  keepalive_requests 1000000000;
  keepalive_timeout 600s;
  ${scratch.map((kind) => `${kind}_temp_path ${bench.folder}/${name}-${kind};`).join('\n  ')}
  ${http}
}
${stream}
`,
  );
  return bench.start(name, 'nginx', ['-c', file, '-e', 'stderr']);
}
