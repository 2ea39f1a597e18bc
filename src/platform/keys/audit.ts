import { appendFile, mkdir } from 'node:fs/promises';
import { dirname } from 'node:path';

/** An action and the key that performed it. It contains no secret and no content of a request. */
export interface AuditEntry {
  /** The operation, such as `createRun` or `keys.create`. */
  action: string;
  /** Id and name of the key; null if none was given or needed. */
  key: { id: string; name: string } | null;
  /** Source of the call: a network address, or `cli`. */
  from: string;
  /** `unknown` if the client disconnected before the call completed. */
  outcome: 'done' | 'refused' | 'failed' | 'unknown';
  /** HTTP status of a call, even if the client had disconnected. */
  status?: number;
  /** The object of the action, such as a run's id. */
  subject?: string;
  requestId?: string;
  /** Equal refusals in the preceding minute, which have no entry. */
  repeated?: number;
}

/** Appends entries to a file as lines of JSON. Each batch reopens the file, so that it may be rotated at any time. */
export class AuditLog {
  readonly #path: string;
  readonly #onProblem: (problem: Error) => void;
  #lines: string[] = [];
  #writing: Promise<void> | undefined;

  constructor(path: string, onProblem: (problem: Error) => void = () => undefined) {
    this.#path = path;
    this.#onProblem = onProblem;
  }

  add(entry: AuditEntry): void {
    this.#lines.push(`${JSON.stringify({ at: new Date().toISOString(), ...entry })}\n`);
    this.#writing ??= this.#write().finally(() => {
      this.#writing = undefined;
    });
  }

  async #write(): Promise<void> {
    while (this.#lines.length > 0) {
      const batch = this.#lines.splice(0).join('');
      try {
        await mkdir(dirname(this.#path), { recursive: true });
        await appendFile(this.#path, batch, { mode: 0o600 });
      } catch (problem) {
        this.#onProblem(problem as Error);
      }
    }
  }

  /** Resolves when all added entries are written. */
  async flush(): Promise<void> {
    await this.#writing;
  }
}
