import { setTimeout as sleep } from 'node:timers/promises';
import { BucketAlreadyOwnedByYou, CreateBucketCommand, S3Client } from '@aws-sdk/client-s3';

/** Makes the bucket that STORE_URL names unless it is there. For the S3 server of docker-compose.yml, which starts empty. */
const url = new URL(process.env.STORE_URL || 'missing:');
const endpoint = url.searchParams.get('endpoint');
if (url.protocol !== 's3:' || endpoint === null) {
  console.error(
    'STORE_URL must look like s3://bucket?endpoint=http://host:7070; docker/make-env.sh writes one.',
  );
  process.exit(1);
}
const region = url.searchParams.get('region') ?? 'us-east-1';
const client = new S3Client({ endpoint, region, forcePathStyle: true });
const PATIENCE = 30;

for (let attempt = 1; ; attempt++) {
  try {
    await client.send(new CreateBucketCommand({ Bucket: url.hostname }));
    console.log(`The bucket ${url.hostname} has been made.`);
    break;
  } catch (error) {
    if (error instanceof BucketAlreadyOwnedByYou || error.name === 'BucketAlreadyExists') break;
    // The server may be starting still; what it answers will not change by waiting.
    if (error.$metadata?.httpStatusCode || attempt === PATIENCE) {
      console.error(`The bucket ${url.hostname} could not be made at ${endpoint}: ${error.message}`);
      process.exit(1);
    }
    await sleep(1_000);
  }
}
client.destroy();
