/** How many picks went elsewhere than home since the start: counted where they are made, read when metrics are. */
export interface Spills {
  /** To a level behind the first. */
  toLevels: number;
  /** To another zone of the first level. */
  toZones: number;
}
