import { defineConfig } from 'vite';

// `npm run dev` shows the page with a server from elsewhere: TRIVET_URL=http://127.0.0.1:8000 npm run dev
const server = process.env.TRIVET_URL ?? 'http://127.0.0.1:8000';

export default defineConfig({
  esbuild: { jsx: 'automatic', jsxImportSource: 'preact' },
  build: {
    target: 'es2022',
    assetsDir: 'ui',
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    reportCompressedSize: false,
  },
  server: { proxy: { '/v1': server, '/metrics': server, '/version': server, '/tokenize': server } },
});
