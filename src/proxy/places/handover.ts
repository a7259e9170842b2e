/** Has given a request to a handler that was made for it alone. */
export interface Handover {
  /** Its client is about to be told that the request is over. Not called after `onClientGone`. */
  onOver(): void;
}
