/** The file a user writes first, as the issue that asked for it prints it. Its bytes are the contract. */
export const FIRST_FILE = `service: { name: web, port: 8080 }          # the local application
inbound: { port: 15006 }                    # optional: remora in front of it
outbound: { port: 15001 }                   # shared HTTP port, routed by Host
upstreams:
  orders: { port: 9001, protocol: http }    # a local port of its own
  cache: { port: 9002, protocol: tcp }
static:
  orders: ["127.0.0.1:7001", { address: 127.0.0.1, port: 7002, weight: 2, tags: [v2] }]
consul: { address: "http://127.0.0.1:8500" }   # else CONSUL_HTTP_ADDR
admin: { port: 15000 }
`;

export const WITHOUT_STATIC = FIRST_FILE.split('\n')
  .filter((line) => !line.startsWith('static') && !line.includes('7001'))
  .join('\n');

export const WITHOUT_CONSUL = FIRST_FILE.split('\n')
  .filter((line) => !line.startsWith('consul'))
  .join('\n');
