import { timingSafeEqual } from 'node:crypto';
import { stat } from 'node:fs/promises';
import { readKeysFile } from './file.ts';
import { digestOf, type KeyState, keyState, parseKeySpec, type Scope } from './record.ts';

/** The holder of a valid key. */
export interface Caller {
  /** Identifies the key in logs and limits without revealing it. */
  id: string;
  name: string;
  scopes: ReadonlySet<Scope>;
}

interface KnownKey extends Caller {
  digest: Buffer;
  expiresAt: string | null;
  revokedAt: string | null;
}

export interface KeyRingOptions {
  /** Entries of `API_KEYS`, see parseKeySpec. */
  specs?: readonly string[] | undefined;
  /** The file that "stylograph keys" writes. It may appear and change at any time. */
  file?: string | undefined;
  /** The file is checked for changes after this time. */
  freshMs?: number | undefined;
  /** Called when the file becomes unreadable; its last readable content stays in force. */
  onProblem?: ((problem: Error) => void) | undefined;
}

const FRESH_MS = 1_000;

/** The API keys of a server. A change of the file takes effect within a second, without a restart. */
export class KeyRing {
  readonly #fixed: readonly KnownKey[];
  readonly #file: string | undefined;
  readonly #freshMs: number;
  readonly #onProblem: (problem: Error) => void;
  #filed: readonly KnownKey[] = [];
  /** Identifies the file's content that was read. */
  #version: string | undefined;
  #checkedAt = Number.NEGATIVE_INFINITY;
  #checking: Promise<void> | undefined;
  #required: boolean;

  /** @throws keys_file_invalid when the file exists and cannot be read */
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

  /** Whether a key is required. Once it is, it stays so even if the file disappears. */
  async required(): Promise<boolean> {
    await this.#refresh();
    return this.#required;
  }

  /** The caller of a valid key, or why the key is not valid; undefined for an unknown key. */
  async find(key: string): Promise<Caller | Exclude<KeyState, 'active'> | undefined> {
    await this.#refresh();
    const digest = digestOf(key);
    let found: KnownKey | undefined;
    // Compares all digests in constant time, so that the duration reveals nothing about a key.
    for (const known of [...this.#fixed, ...this.#filed]) {
      if (timingSafeEqual(known.digest, digest)) found = known;
    }
    if (found === undefined) return undefined;
    const state = keyState(found);
    return state === 'active' ? found : state;
  }

  /** The caller with this key id, if the key is valid. */
  async byId(id: string): Promise<Caller | undefined> {
    await this.#refresh();
    const found = [...this.#fixed, ...this.#filed].find((known) => known.id === id);
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
