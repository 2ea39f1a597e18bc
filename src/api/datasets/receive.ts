import multipart from '@fastify/multipart';
import type { FastifyRequest } from 'fastify';
import { z } from 'zod';
import { type DatasetInfo, DatasetUpload } from '../../core/contracts/dataset.ts';
import { invalidField, StylographError } from '../../core/errors.ts';
import { parsePart } from '../../core/validation-messages.ts';
import type { App } from '../context.ts';
import type { Datasets, PendingUpload } from '../deps.ts';

/** The form as OpenAPI describes it. */
export const UPLOAD_FORM: Record<string, unknown> = (() => {
  const { $schema: _, ...fields } = z.toJSONSchema(DatasetUpload, { io: 'input' }) as Record<string, unknown>;
  const file = {
    type: 'array',
    minItems: 1,
    items: { contentMediaType: 'application/octet-stream' },
    description: 'A zip, an NPZ, or IDX files. Fields may come before or after it.',
  };
  const { properties, required } = fields as { properties: object; required: string[] };
  return { ...fields, properties: { ...properties, file }, required: [...required, 'file'] };
})();

/** Bytes of the form around the files. */
const FORM_BYTES = 1024 * 1024;
const MOST_FIELDS = 16;
const FIELD_BYTES = 64 * 1024;

/** Files are streamed, and bounded by who takes them. */
export async function registerMultipart(app: App): Promise<void> {
  const limits = {
    fields: MOST_FIELDS,
    fieldSize: FIELD_BYTES,
    fileSize: Number.POSITIVE_INFINITY,
    files: MOST_FIELDS,
  };
  await app.register(multipart, { throwFileSizeLimit: false, limits });
}

/**
 * Reads a form as it arrives and has it taken in. Whatever happens, nothing but a whole dataset is left of it.
 * @throws validation_failed, unsupported_media_type, body_too_large, invalid_dataset, queue_full, disk_full
 */
export async function receiveDataset(
  request: FastifyRequest,
  datasets: Pick<Datasets, 'receive'>,
  signal: AbortSignal,
): Promise<{ info: DatasetInfo; added: boolean }> {
  if (!request.isMultipart()) {
    throw new StylographError(
      'unsupported_media_type',
      'Send multipart/form-data with the fields name and file, such as curl -F name=Letters -F file=@letters.zip.',
    );
  }
  const upload = await datasets.receive();
  try {
    if (Number(request.headers['content-length'] ?? 0) > upload.limit + FORM_BYTES) throw upload.tooLarge();
    const fields = await readParts(request, upload).catch((error: unknown) => {
      throw damaged(error) ?? error;
    });
    return await upload.import(parseFields(fields), signal);
  } catch (error) {
    // What is still to come is read to its end, or the client would never hear why.
    request.raw.unpipe();
    request.raw.resume();
    throw error;
  } finally {
    await upload.discard();
  }
}

/** What the parser of forms says, in errors without a code, of one that is cut short or has no boundary. */
function damaged(error: unknown): StylographError | undefined {
  if (!(error instanceof Error) || error.constructor !== Error || 'code' in error) return undefined;
  return invalidField(
    'body',
    `is not a whole multipart form (${error.message}); let a library or curl -F write it`,
  );
}

async function readParts(request: FastifyRequest, upload: PendingUpload): Promise<Record<string, string>> {
  const fields: Record<string, string> = {};
  for await (const part of request.parts()) {
    if (part.type === 'field') {
      if (part.valueTruncated) fail(part.fieldname, `has more than ${FIELD_BYTES} bytes`);
      if (Object.hasOwn(fields, part.fieldname)) fail(part.fieldname, 'is there twice');
      fields[part.fieldname] = String(part.value);
    } else if (part.fieldname === 'file') await upload.addFile(part.filename, part.file);
    else fail(part.fieldname, 'is not known here; files come in the field "file"');
  }
  return fields;
}

/** Text as the schema wants it: numbers, and lists as JSON or with commas. */
function parseFields({ size, channels, labels, ...rest }: Record<string, string>): DatasetUpload {
  const values = {
    ...rest,
    ...(size !== undefined && { size: toNumber(size) }),
    ...(channels !== undefined && { channels: toNumber(channels) }),
    ...(labels !== undefined && { labels: toList(labels) }),
  };
  return parsePart(DatasetUpload, values, 'body');
}

const toNumber = (text: string): unknown => (/^\d+$/.test(text) ? Number(text) : text);

function toList(text: string): unknown {
  if (!text.trimStart().startsWith('[')) return text.split(',').map((name) => name.trim());
  try {
    return JSON.parse(text);
  } catch {
    return fail('labels', 'is no JSON list of names');
  }
}

function fail(field: string, message: string): never {
  throw invalidField(`body.${field}`, message);
}
