/** What to do about it, as lines; none where Consul's words are all there is to say. */
export function adviceOn(why: string): string {
  return why.includes('txn_max_req_len') ? TOO_LARGE : /ermission denied|ACL not found/.test(why) ? NO_RIGHT : '';
}

const NO_RIGHT =
  'The rights that a token needs (that of CONSUL_HTTP_TOKEN, or of -c) are printed by remora consul-policy --role operator, with --key-list where Consul has enable_key_list_policy.\n';
const TOO_LARGE =
  'The document and the one before it, packed, go to Consul in one transaction: that is room for about 350 KiB.\n' +
  "Say it in fewer words, split it over layers, or raise Consul's limits.txn_max_req_len.\n";
