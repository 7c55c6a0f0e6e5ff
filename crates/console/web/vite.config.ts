// For: building the console's pages. Each HTML file beside this one is a page of its own.
// May not know: the server, except the address that `npm run dev` passes requests on to.
import { existsSync } from 'node:fs';
import { svelte } from '@sveltejs/vite-plugin-svelte';
import { defineConfig } from 'vite';
import { precompress } from './build/precompress.ts';

const pages = ['index.html', 'm.html'].filter((page) => existsSync(new URL(page, import.meta.url)));
const server = process.env['ANLING_CONSOLE'] ?? 'http://127.0.0.1:7300';

export default defineConfig(({ mode }) => ({
  plugins: [svelte(), precompress()],
  // Component tests run in jsdom and need Svelte's browser half.
  resolve: mode === 'test' ? { conditions: ['browser'] } : {},
  build: {
    target: 'chrome87',
    // Stations keep old computers: nothing is inlined, so that the strict content policy holds.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    rolldownOptions: { input: pages },
  },
  server: { proxy: { '/v1': { target: server, ws: true } } },
  // The first test of a file loads the whole page; on a machine that compiles beside it that takes its time.
  test: { environment: 'jsdom', include: ['src/**/*.test.ts'], testTimeout: 60_000 },
}));
