/** What a line says besides its event. An `Error` is written with its message, and with its stack at level `error`. */
export type LogValue = string | number | boolean | null | Error;
export type LogFields = Readonly<Record<string, LogValue>>;

/**
 * The process log: for operators, about the program itself. Requests have the access log.
 *
 * `event` is a constant in snake_case that tells the kind of line; whatever varies is a field. Lines of the same event
 * are limited in rate, so an event must not be made of variable text. Writing never blocks and never throws.
 */
export interface Log {
  info(event: string, fields?: LogFields): void;
  warn(event: string, fields?: LogFields): void;
  error(event: string, fields?: LogFields): void;
}

export const NO_LOG: Log = { info: () => undefined, warn: () => undefined, error: () => undefined };
