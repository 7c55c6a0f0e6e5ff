// For: svelte-check and Vite alike; the plain compiler with runes everywhere.
// May not know: the bundler's settings.
import { vitePreprocess } from '@sveltejs/vite-plugin-svelte';

export default { preprocess: vitePreprocess(), compilerOptions: { runes: true } };
