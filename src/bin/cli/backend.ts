import { existsSync, readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { StylographClient } from '../../client/index.ts';
import type { LocalPlace } from './local/place.ts';
import type { Output } from './output.ts';
import { UsageProblem } from './problems.ts';

const USUAL_SERVER = 'http://127.0.0.1:8080';
const USUAL_FOLDER = './data';
const PROBE_MS = 400;

export interface PlaceOptions {
  url?: string | undefined;
  data?: string | undefined;
  apiKeyFile?: string | undefined;
}

/** Where commands are carried out: a server, or a data folder in this process. */
export interface Backend {
  client: StylographClient;
  /** Undefined on a server. */
  local: LocalPlace | undefined;
  /** What a command line needs to mean the same place, with a space before it, or nothing. */
  flags: string;
  close(): Promise<void>;
}

/** Nothing has been made here yet. */
class NoFolder extends Error {
  readonly code = 'no_folder';

  constructor(folder: string) {
    super(
      `There is no folder ${folder}. Train a model ("stylograph train"), start a server ("npm start"), or name another place with --data or --url.`,
    );
  }
}

/** The key is never shown, and never taken from the command line, which others on the machine can read. */
function apiKeyOf({ apiKeyFile }: PlaceOptions): string | undefined {
  if (apiKeyFile === undefined) return process.env.STYLOGRAPH_API_KEY || undefined;
  try {
    const key = readFileSync(apiKeyFile, 'utf8').trim();
    if (key !== '') return key;
  } catch (error) {
    throw new UsageProblem(`--api-key-file: ${(error as Error).message}`);
  }
  throw new UsageProblem(`--api-key-file: ${apiKeyFile} is empty; write the key into it`);
}

function checkedUrl(url: string): string {
  if (/^https?:\/\//.test(url) && URL.canParse(url)) return url;
  throw new UsageProblem(`--url: "${url}" is no address; it looks like ${USUAL_SERVER}`);
}

async function answers(url: string): Promise<boolean> {
  try {
    const response = await fetch(`${url}/health/live`, { signal: AbortSignal.timeout(PROBE_MS) });
    return response.ok && response.headers.get('content-type')?.includes('json') === true;
  } catch {
    return false;
  }
}

const quote = (text: string): string =>
  /^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;

/**
 * The server or folder that the options name, else the usual server if it answers, else the usual folder; a notice
 * says which.
 * @param how `creates`: the folder may be missing; `onLost`: called when the place can no longer be used
 * @throws UsageProblem
 */
export async function openBackend(
  options: PlaceOptions,
  output: Output,
  how: { creates?: boolean; onLost?: (error: Error) => void } = {},
): Promise<Backend> {
  const { creates = false, onLost = () => undefined } = how;
  const { data } = options;
  if (options.url !== undefined && data !== undefined) {
    throw new UsageProblem('--url and --data: name a server or a folder, not both');
  }
  const url = data === undefined ? options.url || process.env.STYLOGRAPH_URL || undefined : undefined;
  if (url !== undefined) return openServer(url, options, output, true);
  if (data === undefined && (await answers(USUAL_SERVER))) {
    output.notice(`Using the server at ${USUAL_SERVER} (--url or --data choose another place).`);
    return openServer(USUAL_SERVER, options, output, false);
  }
  const folder = data ?? (process.env.DATA_DIR || USUAL_FOLDER);
  if (data === undefined) {
    output.notice(
      `No server answers at ${USUAL_SERVER}; working in ${folder} (--url or --data choose another place).`,
    );
  }
  if (!creates && !existsSync(folder)) throw new NoFolder(folder);
  const { openLocalPlace } = await import('./local/place.ts');
  const local = await openLocalPlace(resolve(folder), onLost);
  return {
    client: local.client,
    local,
    flags: data === undefined ? '' : ` --data ${quote(folder)}`,
    close: () => local.close(),
  };
}

function openServer(given: string, options: PlaceOptions, output: Output, named: boolean): Backend {
  const url = checkedUrl(given);
  const client = new StylographClient({
    url,
    apiKey: apiKeyOf(options),
    onRetry: ({ message }, pauseMs) =>
      output.notice(`${message} Trying again in ${(pauseMs / 1000).toFixed(1)} s ...`),
  });
  return {
    client,
    local: undefined,
    flags: named && options.url !== undefined ? ` --url ${quote(url)}` : '',
    close: async () => undefined,
  };
}
