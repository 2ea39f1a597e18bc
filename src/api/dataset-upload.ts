import multipart from '@fastify/multipart';
import type { FastifyRequest } from 'fastify';
import { z } from 'zod';
import { type DatasetInfo, DatasetUpload } from '../core/contracts/dataset.ts';
import { invalidField, StylographError } from '../core/errors.ts';
import { parsePart } from '../core/validation-messages.ts';
import type { App } from './context.ts';
import type { Datasets, PendingUpload } from './deps.ts';

/** The upload form as OpenAPI describes it. */
export const UPLOAD_FORM: Record<string, unknown> = (() => {
  const { $schema: _, ...fields } = z.toJSONSchema(DatasetUpload, { io: 'input' }) as Record<string, unknown>;
  const file = {
    type: 'array',
    minItems: 1,
    items: { contentMediaType: 'application/octet-stream' },
    description: 'A zip, an NPZ, or IDX files. The other fields may come before or after it.',
  };
  const { properties, required } = fields as { properties: object; required: string[] };
  return { ...fields, properties: { ...properties, file }, required: [...required, 'file'] };
})();

/** Bytes of the form besides the files. */
const FORM_BYTES = 1024 * 1024;
const MOST_FIELDS = 16;
const FIELD_BYTES = 64 * 1024;

/** Reads multipart forms on the routes of `app`. Files are streamed; PendingUpload limits their size. */
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
 * Reads an upload form as it arrives and adds its dataset. A failed upload leaves nothing behind.
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
      'Send multipart/form-data with the fields "name" and "file", for instance with curl -F name=Letters -F file=@letters.zip.',
    );
  }
  const upload = await datasets.receive();
  try {
    if (Number(request.headers['content-length'] ?? 0) > upload.limit + FORM_BYTES) throw upload.tooLarge();
    const fields = await readParts(request, upload).catch((error: unknown) => {
      throw malformedForm(error) ?? error;
    });
    return await upload.import(parseFields(fields), signal);
  } catch (error) {
    // The rest of the body is read, since clients read no answer before they have sent it.
    request.raw.unpipe();
    request.raw.resume();
    throw error;
  } finally {
    await upload.discard();
  }
}

/** The parser throws plain errors without a code for a form that is truncated or has no boundary. */
function malformedForm(error: unknown): StylographError | undefined {
  if (!(error instanceof Error) || error.constructor !== Error || 'code' in error) return undefined;
  return invalidField(
    'body',
    `is not a complete multipart form (${error.message}); write it with a library or curl -F`,
  );
}

async function readParts(request: FastifyRequest, upload: PendingUpload): Promise<Record<string, string>> {
  const fields: Record<string, string> = {};
  for await (const part of request.parts()) {
    if (part.type === 'field') {
      if (part.valueTruncated) fail(part.fieldname, `has more than ${FIELD_BYTES} bytes`);
      if (Object.hasOwn(fields, part.fieldname)) fail(part.fieldname, 'is given twice');
      fields[part.fieldname] = String(part.value);
    } else if (part.fieldname === 'file') await upload.addFile(part.filename, part.file);
    else fail(part.fieldname, 'is not known here; send files in the field "file"');
  }
  return fields;
}

/** Converts text fields to the types of the schema: numbers, and lists given as JSON or separated by commas. */
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
    return fail('labels', 'is not valid JSON; send a JSON list of names, or names separated by commas');
  }
}

function fail(field: string, message: string): never {
  throw invalidField(`body.${field}`, message);
}
