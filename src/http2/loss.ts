/**
 * Why a stream ends with its session. `lost`: the connection is gone. `broken`: the peer broke a rule of HTTP/2;
 * `abused`: too much of what the rules allow. `unseen`: the peer goes away and will never look at this stream.
 */
export type Loss = 'lost' | 'broken' | 'abused' | 'unseen';
