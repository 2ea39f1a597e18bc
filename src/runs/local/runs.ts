import { mkdir, readdir } from 'node:fs/promises';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { newRunId, type Page, RunId } from '../../core/contracts/common.ts';
import { isFinished, type RunRecord, type RunState } from '../../core/contracts/run.ts';
import { startTimeOf } from '../../platform/processes/proc.ts';
import { explainFullDisk, systemCode } from '../../store/disk.ts';
import {
  cannotMove,
  checkOutcome,
  fenceLost,
  isPublishing,
  isUnfinished,
  runNotFound,
} from '../machine/errors.ts';
import { type Moves, REQUESTS, type RunRequestKind } from '../machine/states.ts';
import { freshRecord, type NewRun, type RunPatch } from '../redis/records.ts';
import { changeOf, type Entry, type Folded, type Owner } from './fold.ts';
import { Journal } from './journal.ts';

const JOURNAL = 'journal.jsonl';

const thisProcess = (): Owner => ({
  pid: process.pid,
  start: startTimeOf(process.pid) ?? '',
  host: hostname(),
});

/** Whether the owner is gone for certain; of one on another machine that cannot be told. */
const isGone = ({ pid, start, host }: Owner): boolean => host === hostname() && startTimeOf(pid) !== start;

const now = (): string => new Date().toISOString();

/**
 * Runs of one machine without Redis: each has a journal beside its checkpoints, in `runs/{id}`. It does for them what
 * `queue/runs.ts` does for a server's.
 */
export class LocalRuns {
  readonly #root: string;
  readonly #journals = new Map<string, Journal>();

  /** @param root of the folder store. */
  constructor(root: string) {
    this.#root = join(root, 'runs');
  }

  /** @throws run_not_found for what cannot be a run's id */
  journal(id: string): Journal {
    if (!RunId.safeParse(id).success) throw runNotFound(id);
    const journal = this.#journals.get(id) ?? new Journal(join(this.#root, id, JOURNAL));
    this.#journals.set(id, journal);
    return journal;
  }

  /** Records a run; whoever asked for it trains it. Nothing is lost on the way here, so keys are not looked at. */
  async create(run: NewRun, _options: object = {}): Promise<{ run: RunRecord; replayed: boolean }> {
    const id = newRunId();
    const record: RunRecord = { id, state: 'queued', ...freshRecord(run) };
    const folder = join(this.#root, id);
    await explainFullDisk(folder, () => mkdir(folder, { recursive: true }));
    await this.journal(id).append({ type: 'create', at: now(), record });
    return { run: record, replayed: false };
  }

  /** @throws run_not_found */
  async get(id: string): Promise<RunRecord> {
    const { record } = await this.#settled(id);
    return structuredClone(record);
  }

  /** The run; where its owner died without a word, as it is after that. */
  async #settled(id: string): Promise<Folded & { record: RunRecord }> {
    let folded = await this.journal(id).read();
    const { record, owner, fence } = folded;
    const isOwned = record && ['running', 'pausing', 'cancelling'].includes(record.state);
    if (isOwned && owner && isGone(owner)) {
      const message = `The process that trained it (${owner.pid}) ended without a word; resume it from its last checkpoint.`;
      const change = changeOf({ error: { code: 'child_died', message } });
      ({ folded } = await this.journal(id).append({ type: 'lost', at: now(), fence, change }));
    }
    if (folded.record === undefined) throw runNotFound(id);
    return folded as Folded & { record: RunRecord };
  }

  /** Newest first. `cursor` is a former page's `nextCursor`. */
  async list({ limit, cursor }: { limit: number; cursor?: string | undefined }): Promise<Page<RunRecord>> {
    const names = await readdir(this.#root).catch((error: unknown) => {
      if (systemCode(error) === 'ENOENT') return [];
      throw error;
    });
    const ids = names.filter((name) => RunId.safeParse(name).success && (!cursor || name < cursor));
    const items: RunRecord[] = [];
    // A folder without a journal belongs to a server's run.
    for (const id of ids.sort().reverse()) {
      const { record } = await this.journal(id).read();
      if (record === undefined) continue;
      if (items.length === limit) return { items, nextCursor: items.at(-1)!.id };
      items.push(await this.get(id));
    }
    return { items, nextCursor: null };
  }

  /** What a user asks. The process that trains the run follows. @throws run_not_found, invalid_state */
  async request(id: string, kind: RunRequestKind): Promise<RunRecord> {
    const isResume = kind === 'resume';
    await this.#settled(id);
    return await this.#move(id, REQUESTS[kind], {
      verb: kind,
      unlessPublishing: !isResume,
      patch: isResume ? { error: undefined } : {},
    });
  }

  async #move(
    id: string,
    moves: Moves,
    options: { verb: string; patch?: RunPatch; fence?: number; unlessPublishing?: boolean },
  ): Promise<RunRecord> {
    const { verb, patch = {}, fence, unlessPublishing = false } = options;
    const entry: Entry = {
      type: 'move',
      at: now(),
      moves,
      change: changeOf(patch),
      unlessPublishing,
      fence,
    };
    const { outcome, folded } = await this.journal(id).append(entry);
    checkOutcome(id, outcome);
    if (outcome === 'publishing') throw isPublishing(id, verb);
    if (outcome === 'state') throw cannotMove(id, folded.record!.state, moves, verb);
    return structuredClone(folded.record!);
  }

  /**
   * Removes a finished run by `removeFiles`: the journal lies among its files.
   * @throws run_not_found, invalid_state, whatever `removeFiles` throws
   */
  async remove(id: string, removeFiles: () => Promise<void>): Promise<void> {
    const { record } = await this.#settled(id);
    if (!isFinished(record.state)) throw isUnfinished(id, record.state);
    await removeFiles();
    this.#journals.delete(id);
  }

  // ---- What the process that trains a run does -----------------------------------------------------------

  /** Makes this process the run's owner: the fence that every later write must show. @throws invalid_state */
  async take(id: string): Promise<number> {
    const { outcome, folded } = await this.journal(id).append({
      type: 'take',
      at: now(),
      owner: thisProcess(),
    });
    checkOutcome(id, outcome);
    if (outcome === 'state') throw cannotMove(id, folded.record!.state, { queued: 'running' }, 'be trained');
    return folded.fence;
  }

  /** @throws run_not_found, fence_lost */
  async patch(id: string, fence: number, patch: RunPatch): Promise<void> {
    const entry: Entry = { type: 'patch', at: now(), fence, change: changeOf(patch) };
    checkOutcome(id, (await this.journal(id).append(entry)).outcome);
  }

  /** @throws fence_lost when another process owns the run now. */
  async checkFence(id: string, fence: number): Promise<void> {
    if ((await this.journal(id).read()).fence !== fence) throw fenceLost(id);
  }

  /** As `RunStore.beginPublishing`. @throws fence_lost */
  async beginPublishing(id: string, fence: number, freshModelId: string): Promise<string | undefined> {
    const entry: Entry = { type: 'publish', at: now(), fence, modelId: freshModelId };
    const { outcome, folded } = await this.journal(id).append(entry);
    checkOutcome(id, outcome);
    return outcome === 'done' ? folded.modelId : undefined;
  }

  /** Ends this process's work on a run, to the state that its present one asks for. @throws fence_lost */
  async settle(id: string, fence: number, moves: Moves, patch: RunPatch = {}): Promise<RunState> {
    return (await this.#move(id, moves, { verb: 'end so', fence, patch })).state;
  }
}
