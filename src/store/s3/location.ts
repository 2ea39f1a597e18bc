import { StylographError } from '../../core/errors.ts';

/** A bucket and its server. Credentials come from the environment, as for AWS's tools. */
export interface S3Location {
  bucket: string;
  /** Prefix of every key: empty, or ending in a slash. */
  prefix: string;
  /** Address of a server other than Amazon's. */
  endpoint: string | undefined;
  region: string;
}

const DEFAULT_REGION = 'us-east-1';

export const isS3 = (location: string): boolean => location.startsWith('s3:');

/**
 * Reads `s3://bucket/prefix?endpoint=http://host:port&region=…`.
 * @throws validation_failed
 */
export function parseS3Location(text: string): S3Location {
  const refuse = (what: string): never => {
    throw new StylographError(
      'validation_failed',
      `"${text}" ${what}. Use s3://bucket/prefix, or s3://bucket/prefix?endpoint=http://host:9000&region=us-east-1.`,
    );
  };
  const url = URL.canParse(text) ? new URL(text) : refuse('is not an address');
  const { protocol, hostname: bucket, pathname, searchParams, username, password } = url;
  if (protocol !== 's3:') refuse('does not start with s3://');
  if (username || password)
    refuse('contains credentials, which belong in AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY');
  if (!/^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/.test(bucket)) refuse('names no bucket');
  const prefix = pathname.replace(/^\/+|\/+$/g, '');
  if (!/^[\w./-]*$/.test(prefix) || prefix.split('/').includes('..'))
    refuse('has a prefix with characters that are not accepted');
  for (const name of searchParams.keys()) {
    if (name !== 'endpoint' && name !== 'region') refuse(`has an unknown option "${name}"`);
  }
  const endpoint = searchParams.get('endpoint') ?? undefined;
  if (endpoint !== undefined && !/^https?:\/\//.test(endpoint))
    refuse('has an endpoint without http:// or https://');
  return {
    bucket,
    prefix: prefix === '' ? '' : `${prefix}/`,
    endpoint,
    region: searchParams.get('region') ?? DEFAULT_REGION,
  };
}
