/**
 * Why a stream ends with its session. `lost`: the connection is gone. `foreign`: a server speaks no HTTP/2. `broken`:
 * the peer broke a rule of HTTP/2;
 * `abused`: too much of what the rules allow. `unseen`: the peer goes away and will never look at this stream.
 */
export type Loss = 'lost' | 'foreign' | 'broken' | 'abused' | 'unseen';
