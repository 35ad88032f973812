/** What a server tells whoever started it. */

export interface ServerEvents {
  /** SHUTDOWN was asked for, or (with an error) the server cannot go on. */
  readonly onShutdown: (error?: Error) => void;
}
