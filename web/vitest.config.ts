import { defineConfig } from 'vitest/config';

export default defineConfig({
  esbuild: { jsx: 'automatic', jsxImportSource: 'preact' },
  test: { include: ['src/**/*_test.{ts,tsx}'], environment: 'node', setupFiles: ['./vitest.setup.ts'] },
});
