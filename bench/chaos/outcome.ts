import { createHash } from 'node:crypto';
import { isDeepStrictEqual } from 'node:util';
import { everyItem, type StoredEvent, type StylographClient } from '../../src/client/index.ts';

/** Everything a run leaves behind that follows from its seed: two undisturbed runs have the same. */
export interface Outcome {
  state: string;
  /** Of the weights as served: what the model is. */
  digest: string | undefined;
  publishedIteration: number | undefined;
  models: number;
  metrics: unknown[];
  samples: unknown[];
  checkpoints: unknown[];
  validations: unknown[];
  evaluations: unknown[];
  diagnoses: unknown[];
  /** SHA-256 of each picture, by name. */
  figures: Record<string, string>;
  films: number;
}

// biome-ignore lint/suspicious/noExplicitAny: events of any kind
type Data = any;

const without = (data: Data, ...names: string[]): Data =>
  Object.fromEntries(Object.entries(data as object).filter(([name]) => !names.includes(name)));

const dataOf = (events: readonly StoredEvent[], kind: StoredEvent['type']): Data[] =>
  events.filter(({ type }) => type === kind).map(({ data }) => data);

/** All stored events of a run. */
export async function storedEvents(client: StylographClient, runId: string): Promise<StoredEvent[]> {
  const all: StoredEvent[] = [];
  const pages = everyItem((after) => client.runs.events(runId, { after, limit: 200, retries: 8 }));
  for await (const event of pages) all.push(event);
  return all;
}

/** The outcome of a finished run. */
export async function outcomeOf(
  client: StylographClient,
  runId: string,
  events: readonly StoredEvent[],
): Promise<Outcome> {
  const run = await client.runs.get(runId, { retries: 8 });
  const { checkpointEvery, iterations } = run.config;
  // Far fewer than a page: a model a run.
  const { items } = await client.models.list({ limit: 200, retries: 8 });
  const models = items.filter((model) => model.runId === runId);
  const figures: Record<string, string> = {};
  for await (const { file } of client.runs.allFigures(runId, { retries: 8 })) {
    const { bytes } = await client.runs.figure(runId, file, { retries: 8 });
    figures[file] = createHash('sha256').update(bytes).digest('hex');
  }
  // A pause and a shutdown leave a checkpoint wherever they come.
  const due = ({ iteration }: Data): boolean => iteration % checkpointEvery === 0 || iteration === iterations;
  return {
    state: run.state,
    digest: models[0]?.digest,
    publishedIteration: models[0]?.iteration,
    models: models.length,
    metrics: dataOf(events, 'metrics'),
    samples: dataOf(events, 'sample'),
    checkpoints: dataOf(events, 'checkpoint').filter(due),
    validations: dataOf(events, 'validation').map((data) => without(data, 'secondsElapsed')),
    evaluations: dataOf(events, 'evaluation').map((data) => without(data, 'seconds', 'evaluatedAt')),
    diagnoses: dataOf(events, 'diagnosis'),
    figures,
    films: (await client.runs.films(runId, { retries: 8 })).items.length,
  };
}

/** In what a run differs from the reference, a line each. */
export function differences(reference: Outcome, outcome: Outcome): string[] {
  return (Object.keys(reference) as (keyof Outcome)[]).flatMap((key) => {
    const [expected, found] = [reference[key], outcome[key]];
    if (isDeepStrictEqual(expected, found)) return [];
    if (!Array.isArray(expected) || !Array.isArray(found)) {
      return typeof expected === 'object'
        ? [`${key} differ: ${differentNames(expected, found as object).join(', ')}`]
        : [`${key} is ${found} in place of ${expected}`];
    }
    const at = expected.findIndex((item, i) => !isDeepStrictEqual(item, found[i]));
    const place = at === -1 ? expected.length : at;
    const [wanted, got] = [expected[place], found[place]].map((item) => JSON.stringify(item)?.slice(0, 200));
    return [
      `${key}: ${found.length} in place of ${expected.length}; number ${place} is ${got} in place of ${wanted}`,
    ];
  });
}

function differentNames(expected: object, found: object): string[] {
  const names = new Set([...Object.keys(expected), ...Object.keys(found)]);
  const at = (from: object, name: string): unknown => (from as Record<string, unknown>)[name];
  return [...names].filter((name) => !isDeepStrictEqual(at(expected, name), at(found, name)));
}
