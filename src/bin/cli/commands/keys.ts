import { join, resolve } from 'node:path';
import { type Command, InvalidArgumentError, Option } from 'commander';
import {
  AuditLog,
  createKey,
  KeyName,
  type KeyRecord,
  keyState,
  readKeysFile,
  revokeKey,
  SCOPES,
  type Scope,
} from '../../../platform/keys/index.ts';
import { withForm } from '../options.ts';
import type { OutputOptions } from '../output.ts';
import type { Execute } from '../session.ts';
import { table } from '../terminal/table.ts';
import { moment } from '../terminal/words.ts';

interface PlaceOptions extends OutputOptions {
  data?: string;
  file?: string;
}

const DAY_MS = 86_400_000;

const folderOf = ({ data }: PlaceOptions): string => data ?? (process.env.DATA_DIR || './data');

const fileOf = (options: PlaceOptions): string =>
  resolve(
    options.file ??
      (options.data === undefined ? process.env.KEYS_FILE : undefined) ??
      join(folderOf(options), 'keys.json'),
  );

const auditOf = (options: PlaceOptions): AuditLog =>
  new AuditLog(resolve(process.env.AUDIT_LOG || join(folderOf(options), 'audit.jsonl')));

function withPlace(command: Command): Command {
  return withForm(
    command
      .addOption(new Option('--data <dir>', "a server's data folder").helpGroup('Where:'))
      .addOption(new Option('--file <path>', 'a file of keys elsewhere (or KEYS_FILE)').helpGroup('Where:')),
  );
}

function scopes(text: string): Scope[] {
  const names = text.split(/[,+]/).map((name) => name.trim());
  const unknown = names.filter((name) => !(SCOPES as readonly string[]).includes(name));
  if (unknown.length === 0) return names as Scope[];
  throw new InvalidArgumentError(`It must be some of ${SCOPES.join(', ')}, with commas between them.`);
}

function keyName(text: string): string {
  if (KeyName.safeParse(text).success) return text;
  throw new InvalidArgumentError('It must be 1 to 64 letters, digits, spaces and ._@-');
}

/** A moment in time, or so many days from now. */
function expiry(text: string): Date {
  const [, days] = /^(\d{1,5})d$/.exec(text) ?? [];
  const at = days === undefined ? new Date(text) : new Date(Date.now() + Number(days) * DAY_MS);
  if (Number.isFinite(at.getTime()) && at.getTime() > Date.now()) return at;
  throw new InvalidArgumentError('It must be days such as 90d, or a date to come such as 2030-01-31.');
}

/** A key as it may be shown: without its digest. */
const shown = ({ sha256: _, ...record }: KeyRecord) => ({ ...record, state: keyState(record) });

export function addKeys(program: Command, execute: Execute): void {
  const keys = program
    .command('keys')
    .description(
      "Make, list and revoke the keys that open a server. They are in a file of the server's; it notices changes by itself.",
    );

  withPlace(keys.command('create <name>'))
    .description('Make a key and print it, this once: only its digest is kept.')
    .option('-s, --scopes <list>', 'infer, train, admin, with commas between them', scopes, ['infer'])
    .option('-e, --expires <when>', 'days such as 90d, or a date; never without it', expiry)
    .action((name: string, options: PlaceOptions & { scopes: Scope[]; expires?: Date }) =>
      execute(options, async ({ output }) => {
        const file = fileOf(options);
        const wish = { name: keyName(name), scopes: options.scopes, expiresAt: options.expires };
        const { key, record } = await createKey(file, wish);
        await tellAudit(options, 'keys.create', record);
        output.document({ key, ...shown(record) });
        output.notice(
          `Key ${record.id} (${record.name}: ${record.scopes.join(', ')}) is in ${file}. It is shown this once:`,
        );
        output.line(key);
      }),
    );
  withPlace(keys.command('list', { isDefault: true }))
    .description('Keys with their scopes and states.')
    .action((options: PlaceOptions) =>
      execute(options, async ({ output }) => {
        const records = readKeysFile(fileOf(options));
        output.document({ items: records.map(shown) });
        if (records.length === 0) output.line(`No keys in ${fileOf(options)}.`);
        else for (const line of describe(records, output.paint.dim)) output.line(line);
      }),
    );
  withPlace(keys.command('revoke <id>'))
    .description('End a key for good; servers notice within a second.')
    .action((id: string, options: PlaceOptions) =>
      execute(options, async ({ output }) => {
        const record = await revokeKey(fileOf(options), id);
        await tellAudit(options, 'keys.revoke', record);
        output.document(shown(record));
        output.line(`${output.paint.green('revoked')} ${record.id} (${record.name})`);
      }),
    );
}

async function tellAudit(options: PlaceOptions, action: string, { id, name }: KeyRecord): Promise<void> {
  const audit = auditOf(options);
  audit.add({ action, key: null, from: 'cli', outcome: 'done', subject: `${id} (${name})` });
  await audit.flush();
}

function describe(records: readonly KeyRecord[], title: (text: string) => string): string[] {
  return table(
    records,
    [
      { title: 'ID', value: ({ id }) => id },
      { title: 'NAME', value: ({ name }) => name },
      { title: 'SCOPES', value: ({ scopes: held }) => held.join(', ') },
      { title: 'STATE', value: (record) => keyState(record) },
      { title: 'CREATED', value: ({ createdAt }) => moment(createdAt) },
      { title: 'EXPIRES', value: ({ expiresAt }) => (expiresAt === null ? 'never' : moment(expiresAt)) },
    ],
    title,
  );
}
