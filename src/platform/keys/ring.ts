import { timingSafeEqual } from 'node:crypto';
import { stat } from 'node:fs/promises';
import { readKeysFile } from './file.ts';
import { digestOf, type KeyState, keyState, parseKeySpec, type Scope } from './record.ts';

/** Whoever showed a key. */
export interface Caller {
  /** What logs and limits know the key by; it says nothing about the key itself. */
  id: string;
  name: string;
  scopes: ReadonlySet<Scope>;
}

interface Held extends Caller {
  digest: Buffer;
  expiresAt: string | null;
  revokedAt: string | null;
}

export interface KeyRingOptions {
  /** Keys as `API_KEYS` gives them, see parseKeySpec. */
  specs?: readonly string[] | undefined;
  /** A file that "stylograph keys" writes; it may appear later, and change at any time. */
  file?: string | undefined;
  /** How long what the file said holds. */
  freshMs?: number | undefined;
  /** Told when the file can no longer be read; its last readable content stays in force. */
  onProblem?: ((problem: Error) => void) | undefined;
}

const FRESH_MS = 1_000;

/** The keys that open a server. A change of the file is in force within a second, without a restart. */
export class KeyRing {
  readonly #fixed: readonly Held[];
  readonly #file: string | undefined;
  readonly #freshMs: number;
  readonly #onProblem: (problem: Error) => void;
  #filed: readonly Held[] = [];
  /** What tells one content of the file from another. */
  #version: string | undefined;
  #checkedAt = Number.NEGATIVE_INFINITY;
  #checking: Promise<void> | undefined;
  #required: boolean;

  /** @throws keys_file_invalid when the file is there and cannot be read */
  static async open(options: KeyRingOptions): Promise<KeyRing> {
    const ring = new KeyRing(options);
    await ring.#read();
    return ring;
  }

  private constructor({ specs = [], file, freshMs = FRESH_MS, onProblem = () => undefined }: KeyRingOptions) {
    this.#fixed = specs.map((spec, i) => {
      const { sha256, scopes } = parseKeySpec(spec);
      const digest = Buffer.from(sha256, 'hex');
      const name = `API_KEYS ${i + 1}`;
      return { id: `env${i + 1}`, name, scopes: new Set(scopes), digest, expiresAt: null, revokedAt: null };
    });
    this.#file = file;
    this.#freshMs = freshMs;
    this.#onProblem = onProblem;
    this.#required = this.#fixed.length > 0;
  }

  /** Whether a key is needed. Once it is, it stays so, whatever becomes of the file: a lost file opens nothing. */
  async required(): Promise<boolean> {
    await this.#refresh();
    return this.#required;
  }

  /** Who holds this key, or why it opens nothing. */
  async find(key: string): Promise<Caller | Exclude<KeyState, 'active'> | undefined> {
    await this.#refresh();
    const digest = digestOf(key);
    let found: Held | undefined;
    // All of them, whichever it is, and digests are of one length: the time this takes tells nothing of any key.
    for (const held of [...this.#fixed, ...this.#filed]) {
      if (timingSafeEqual(held.digest, digest)) found = held;
    }
    if (found === undefined) return undefined;
    const state = keyState(found);
    return state === 'active' ? found : state;
  }

  /** The key of this id, while it is valid. */
  async byId(id: string): Promise<Caller | undefined> {
    await this.#refresh();
    const found = [...this.#fixed, ...this.#filed].find((held) => held.id === id);
    return found !== undefined && keyState(found) === 'active' ? found : undefined;
  }

  async #refresh(): Promise<void> {
    if (this.#file === undefined || performance.now() - this.#checkedAt < this.#freshMs) return;
    this.#checking ??= this.#read()
      .catch(this.#onProblem)
      .finally(() => {
        this.#checking = undefined;
      });
    await this.#checking;
  }

  async #read(): Promise<void> {
    if (this.#file === undefined) return;
    this.#checkedAt = performance.now();
    const facts = await stat(this.#file, { bigint: true }).catch(() => undefined);
    const version = facts && [facts.ino, facts.size, facts.mtimeNs, facts.ctimeNs].join();
    if (version === this.#version) return;
    this.#version = version;
    this.#filed = readKeysFile(this.#file).map(({ sha256, scopes, ...record }) => ({
      ...record,
      scopes: new Set(scopes),
      digest: Buffer.from(sha256, 'hex'),
    }));
    if (this.#filed.length > 0) this.#required = true;
  }
}
