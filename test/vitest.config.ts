import { defineConfig } from 'vitest/config';

const conditions = ['@skein/source', 'default'];

export default defineConfig({
  root: import.meta.dirname,
  resolve: { conditions },
  ssr: { resolve: { conditions } },
  test: {
    include: ['**/*.test.ts'],
    testTimeout: 20_000,
    maxWorkers: 2,
  },
});
