import { createHash } from 'node:crypto';
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { brotliCompressSync, gzipSync } from 'node:zlib';
import { build } from 'esbuild';

/**
 * Bundles src/web into dist/web: the page, and files under assets/ with their content's digest in the name, also compressed.
 * The same sources give the same bytes.
 */
const ROOT = fileURLToPath(new URL('..', import.meta.url));
const SOURCE = join(ROOT, 'src/web');
const TARGET = join(ROOT, 'dist/web');
const PACKED = /\.(js|css|svg)$/;

const bundle = await build({
  absWorkingDir: ROOT,
  entryPoints: [join(SOURCE, 'main.tsx'), join(SOURCE, 'styles/main.css')],
  outdir: join(TARGET, 'assets'),
  entryNames: '[name]-[hash]',
  assetNames: '[name]-[hash]',
  bundle: true,
  minify: true,
  format: 'esm',
  target: 'es2022',
  jsx: 'automatic',
  jsxImportSource: 'preact',
  loader: { '.woff2': 'file', '.svg': 'file' },
  metafile: true,
  write: false,
  logLevel: 'warning',
});

rmSync(TARGET, { recursive: true, force: true });
mkdirSync(join(TARGET, 'assets'), { recursive: true });

function writeAsset(name, bytes) {
  const path = join(TARGET, 'assets', name);
  writeFileSync(path, bytes);
  if (!PACKED.test(name)) return;
  writeFileSync(`${path}.br`, brotliCompressSync(bytes));
  writeFileSync(`${path}.gz`, gzipSync(bytes, { level: 9 }));
}

const names = bundle.outputFiles.map(({ path, contents }) => {
  const name = path.slice(path.lastIndexOf('/') + 1);
  writeAsset(name, contents);
  return name;
});
const icon = readFileSync(join(SOURCE, 'icon.svg'));
const iconName = `icon-${createHash('sha256').update(icon).digest('hex').slice(0, 8).toUpperCase()}.svg`;
writeAsset(iconName, icon);

const assets = {
  script: names.find((name) => name.endsWith('.js')),
  style: names.find((name) => name.endsWith('.css')),
  icon: iconName,
};
const page = readFileSync(join(SOURCE, 'index.html'), 'utf8').replace(
  /\{\{(script|style|icon)\}\}/g,
  (_, key) => `/assets/${assets[key]}`,
);
writeFileSync(join(TARGET, 'index.html'), page);
