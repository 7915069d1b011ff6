import react from '@vitejs/plugin-react';
import { defineConfig } from 'vitest/config';

/** While developing, the API is that of a server which runs already. */
const server = process.env.SYNCLINE_URL ?? 'http://127.0.0.1:8400';
/** It takes changes only from pages of its own, so it has to see the name that the browser asked for. */
const proxied = { target: server, changeOrigin: false };

export default defineConfig({
  plugins: [react()],
  build: { target: 'es2022', assetsInlineLimit: 0, reportCompressedSize: false },
  server: { proxy: { '/api': proxied, '/healthz': proxied } },
  test: { environment: 'jsdom', include: ['src/**/*.test.{ts,tsx}'] },
});
