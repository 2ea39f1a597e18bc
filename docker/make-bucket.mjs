import { setTimeout as sleep } from 'node:timers/promises';
import { BucketAlreadyOwnedByYou, CreateBucketCommand, S3Client } from '@aws-sdk/client-s3';

/** Creates the bucket of STORE_URL unless it exists. The S3 server of docker-compose.yml starts empty. */
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
    console.log(`The bucket ${url.hostname} was created.`);
    break;
  } catch (error) {
    if (error instanceof BucketAlreadyOwnedByYou || error.name === 'BucketAlreadyExists') break;
    // Wait only while the server starts: once it answers, waiting does not help.
    if (error.$metadata?.httpStatusCode || attempt === PATIENCE) {
      console.error(`The bucket ${url.hostname} could not be created at ${endpoint}: ${error.message}`);
      process.exit(1);
    }
    await sleep(1_000);
  }
}
client.destroy();
