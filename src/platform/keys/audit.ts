import { appendFile, mkdir } from 'node:fs/promises';
import { dirname } from 'node:path';

/** Who did what. Holds no key and no content of a request. */
export interface AuditEntry {
  /** The operation, such as `createRun` or `keys.create`. */
  action: string;
  /** Id and name of the key; null where none was shown or needed. */
  key: { id: string; name: string } | null;
  /** Where the call came from: a network address, or `cli`. */
  from: string;
  /** `unknown` where the client left and nobody else heard how the call ended. */
  outcome: 'done' | 'refused' | 'failed' | 'unknown';
  /** HTTP status, for calls: also one that was meant for a client who had left. */
  status?: number;
  /** What it was done to. */
  subject?: string;
  requestId?: string;
  /** Refusals like this one in the minute before, which have no entry of their own. */
  repeated?: number;
}

/** Lines of JSON, appended in order. The file is opened anew for each batch, so that it may be rotated at any time. */
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

  /** Resolves when everything that was added is written. */
  async flush(): Promise<void> {
    await this.#writing;
  }
}
