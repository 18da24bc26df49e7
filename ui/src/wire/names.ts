/** Names that the page and our own host agree on, besides those of MCP Apps. */

export const PROTOCOL_VERSION = "2026-01-26";

/** The key in `hostCapabilities.experimental` under which our own host says what only it can do. */
export const OWN_HOST = "cf-aig";

/** `live`: the page may poll for new calls; `tools`: the names that the server lists. */
export interface OwnHost {
  live: boolean;
  tools: string[];
}
