import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { resolve } from 'node:path';

/**
 * node scripts/pin-images.mjs [file ...]: adds or renews the digest of every image from a registry, as Docker's buildx
 * reports it for the tag. Review the diff before you commit it, because only those bytes run from then on.
 */
const ROOT = resolve(import.meta.dirname, '..');
const FILES = ['docker/Dockerfile', 'docker-compose.yml'].map((file) => resolve(ROOT, file));

/** `image: name:tag` and `ARG NODE_IMAGE=name:tag`, with or without a digest. Images that are built here have no registry. */
const IMAGE =
  /((?:^|\s)image:\s+|ARG \w+_IMAGE=)((?!stylograph:)[\w./-]+:[\w.-]+)(@sha256:[0-9a-f]{64})?(?=\s|$)/g;

/** @param {string} image name and tag */
function digestOf(image) {
  const args = ['buildx', 'imagetools', 'inspect', image, '--format', '{{.Manifest.Digest}}'];
  const digest = execFileSync('docker', args, { encoding: 'utf8' }).trim();
  if (!/^sha256:[0-9a-f]{64}$/.test(digest))
    throw new Error(`docker returned no digest of ${image}: ${digest}`);
  return digest;
}

const files = process.argv.length > 2 ? process.argv.slice(2) : FILES;
try {
  for (const file of files) {
    const text = readFileSync(file, 'utf8');
    const pinned = text.replace(IMAGE, (_, before, image) => {
      const digest = digestOf(image);
      console.log(`${image} is ${digest}`);
      return `${before}${image}@${digest}`;
    });
    writeFileSync(file, pinned);
  }
} catch (error) {
  console.error(
    `pin-images: ${error.message.split('\n')[0]}; this needs docker with buildx and access to the registries.`,
  );
  process.exitCode = 1;
}
