import { createHash } from 'node:crypto';
import type { Redis } from 'ioredis';
import { guarded } from './connection.ts';

type Value = string | number | undefined;

export interface ScriptSource<Key extends string, Arg extends string> {
  /** The body, which reads `key.<name>` and `arg.<name>`. */
  body: string;
  /** Lua that comes before the body: data and functions that scripts share. */
  prelude?: string;
  keys: readonly Key[];
  args: readonly Arg[];
}

/** `local key = { run = KEYS[1], ... }` */
const binding = (table: string, source: string, names: readonly string[]): string =>
  `local ${table} = { ${names.map((name, i) => `${name} = ${source}[${i + 1}]`).join(', ')} }\n`;

/** A Lua literal of plain data. */
export function luaLiteral(data: unknown): string {
  if (typeof data !== 'object' || data === null) return JSON.stringify(data);
  if (Array.isArray(data)) return `{ ${data.map(luaLiteral).join(', ')} }`;
  return `{ ${Object.entries(data)
    .map(([name, value]) => `${name} = ${luaLiteral(value)}`)
    .join(', ')} }`;
}

/**
 * A Lua script whose keys and arguments have names. It is sent by its digest, and in full only when the server does
 * not know it yet.
 */
export class Script<Key extends string, Arg extends string, Answer> {
  readonly #keys: readonly Key[];
  readonly #args: readonly Arg[];
  readonly #source: string;
  readonly #sha: string;

  constructor({ body, prelude = '', keys, args }: ScriptSource<Key, Arg>) {
    this.#keys = keys;
    this.#args = args;
    this.#source = `${binding('key', 'KEYS', keys)}${binding('arg', 'ARGV', args)}${prelude}\n${body}`;
    this.#sha = createHash('sha1').update(this.#source).digest('hex');
  }

  /** An argument that is undefined arrives as an empty string. @throws redis_unavailable */
  async run(redis: Redis, keys: Record<Key, string>, args: Record<Arg, Value>): Promise<Answer> {
    const names = this.#keys.map((name) => keys[name]);
    const values = this.#args.map((name) => args[name] ?? '');
    return await guarded(async () => {
      try {
        return (await redis.evalsha(this.#sha, names.length, ...names, ...values)) as Answer;
      } catch (error) {
        if (!(error instanceof Error && error.message.startsWith('NOSCRIPT'))) throw error;
        return (await redis.eval(this.#source, names.length, ...names, ...values)) as Answer;
      }
    });
  }
}
