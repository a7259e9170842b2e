export type Role = 'sidecar' | 'operator' | 'reader';

export interface PolicyOptions {
  readonly role: Role;
  /** Of a sidecar, its own; of an operator, the only one whose documents he may write. Null: of all. */
  readonly service: string | null;
  /** Of a sidecar, that of its agent, on which its session is made. Null: on any. */
  readonly node: string | null;
  /** Consul has `enable_key_list_policy`, so lists of keys need a right of their own. */
  readonly keyList: boolean;
}

type Rule = readonly [resource: string, name: string, policy: string];

/**
 * `remora consul-policy`: the least that a token needs, as Consul's ACL rules. A sidecar reads the documents that
 * concern it and nobody else's, and writes its own status and its own objections; so whoever has its token can change no
 * sidecar's configuration.
 */
export function consulPolicy(options: PolicyOptions): string {
  const rules = rulesOf(options);
  const lines = rules.map(([resource, name, policy]) => `${resource} ${JSON.stringify(name)} { policy = "${policy}" }`);
  return `${[...commentsOn(options), ...lines].join('\n')}\n`;
}

function rulesOf({ role, service, node, keyList }: PolicyOptions): readonly Rule[] {
  const list = keyList ? 'list' : 'read';
  if (role === 'reader') return [...CATALOG, ['key_prefix', 'remora/', list]];
  if (role === 'sidecar') return [...sidecarRules(service ?? '', list), sessionRule(node)];
  const everything = [
    ['key_prefix', 'remora/config/', 'write'],
    ['key_prefix', 'remora/rollout/', 'write'],
    ['key_prefix', 'remora/history/', 'write'],
    ['key_prefix', 'remora/status/', list],
  ] as const;
  return [...CATALOG, ...(service === null ? everything : ownerRules(service, list))];
}

const CATALOG: readonly Rule[] = [
  ['service_prefix', '', 'read'],
  ['node_prefix', '', 'read'],
];

/** Of a list of all that is below it, it is the one key that is always there. */
const ROLLOUT_FOLDER: readonly Rule[] = [['key', 'remora/rollout/', 'read']];

function sidecarRules(service: string, list: string): readonly Rule[] {
  return [
    ['service', service, 'write'],
    ...CATALOG,
    ['key', 'remora/config/mesh', 'read'],
    ['key_prefix', 'remora/config/service/', list],
    ['key', `remora/config/caller/${service}`, 'read'],
    ...(list === 'read' ? ROLLOUT_FOLDER : []),
    ['key', 'remora/rollout/mesh', 'read'],
    ['key_prefix', 'remora/rollout/service/', list],
    ['key', `remora/rollout/caller/${service}`, 'read'],
    ['key_prefix', 'remora/rollout/objection/', list],
    ['key_prefix', `remora/rollout/objection/${service}/`, 'write'],
    ['key_prefix', `remora/status/${service}/`, 'write'],
  ];
}

function sessionRule(node: string | null): Rule {
  return node === null ? ['session_prefix', '', 'write'] : ['session', node, 'write'];
}

/** Of one service: how it is called, and what its own sidecars add. The rest is read, or a plan would know nothing. */
function ownerRules(service: string, list: string): readonly Rule[] {
  const own = ['service', 'caller'].flatMap((kind): Rule[] => [
    ['key', `remora/config/${kind}/${service}`, 'write'],
    ['key', `remora/rollout/${kind}/${service}`, 'write'],
    ['key_prefix', `remora/history/${kind}/${service}/`, 'write'],
  ]);
  return [['key_prefix', 'remora/', list], ...own, ['key_prefix', 'remora/rollout/objection/', 'write']];
}

function commentsOn({ role, service, node }: PolicyOptions): readonly string[] {
  if (role === 'reader') return ['# remora: reads documents, their history and what sidecars run; writes nothing.'];
  if (role === 'operator') {
    return [
      `# remora: plans, applies and rolls back ${service === null ? 'all documents' : `the documents of ${service}`}.`,
    ];
  }
  const anyNode = node === null ? [' Its session may be made on any node: --node says which.'] : [];
  return [
    `# remora: a sidecar of ${service ?? ''}.${anyNode.join('')}`,
    '# More, if wanted: the key of roles.from.lock to read, and agent_prefix "" to read for the zone of its agent.',
  ];
}
