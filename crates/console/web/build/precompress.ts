// For: leaving a brotli and a gzip copy beside each built text file, so that the server never compresses.
// May not know: how the files are served.
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { brotliCompress, constants, gzip } from 'node:zlib';
import { promisify } from 'node:util';
import type { Plugin } from 'vite';

/** Smaller files gain nothing: the headers outweigh the saving. Bytes. */
const SMALLEST = 512;
const TEXT = /\.(js|css|html|svg|json|txt|webmanifest)$/;

async function* files(folder: string): AsyncGenerator<string> {
  for (const entry of await readdir(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) yield* files(path);
    else yield path;
  }
}

/** A Vite plugin that runs after the bundle is written. */
export function precompress(): Plugin {
  let folder = 'dist';
  return {
    name: 'precompress',
    apply: 'build',
    configResolved: (config) => void (folder = resolve(config.root, config.build.outDir)),
    async writeBundle() {
      for await (const path of files(folder)) {
        if (!TEXT.test(path)) continue;
        const bytes = await readFile(path);
        if (bytes.length < SMALLEST) continue;
        const brotli = await promisify(brotliCompress)(bytes, {
          params: { [constants.BROTLI_PARAM_QUALITY]: 11, [constants.BROTLI_PARAM_SIZE_HINT]: bytes.length },
        });
        await writeFile(`${path}.br`, brotli);
        await writeFile(`${path}.gz`, await promisify(gzip)(bytes, { level: 9 }));
      }
    },
  };
}
