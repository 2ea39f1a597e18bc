import { createHash } from 'node:crypto';
import type { Redis } from 'ioredis';
import { guarded } from './connection.ts';

type Value = string | number | undefined;

export interface ScriptSource<Key extends string, Arg extends string> {
  /** Lua that reads its keys and arguments as `key.<name>` and `arg.<name>`. */
  body: string;
  /** Lua with shared data and functions, inserted before the body. */
  prelude?: string;
  keys: readonly Key[];
  args: readonly Arg[];
}

/** `local key = { run = KEYS[1], ... }` */
const binding = (table: string, source: string, names: readonly string[]): string =>
  `local ${table} = { ${names.map((name, i) => `${name} = ${source}[${i + 1}]`).join(', ')} }\n`;

/** Converts plain data to a Lua literal. */
export function luaLiteral(data: unknown): string {
  if (typeof data !== 'object' || data === null) return JSON.stringify(data);
  if (Array.isArray(data)) return `{ ${data.map(luaLiteral).join(', ')} }`;
  return `{ ${Object.entries(data)
    .map(([name, value]) => `${name} = ${luaLiteral(value)}`)
    .join(', ')} }`;
}

/**
 * A Lua script with named keys and arguments. It runs by its digest, and the source is sent only if the server does not
 * have it in its cache.
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

  /** An undefined argument becomes an empty string. @throws redis_unavailable */
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
