import locales from '@react-aria/optimize-locales-plugin';
import react from '@vitejs/plugin-react';
import { defineConfig } from 'vite';

// While developing, `npm run dev` passes what is not a file of the console to a running server.
const server = process.env['SALA_URL'] ?? 'http://127.0.0.1:8080';

export default defineConfig({
  // The server serves the console below this path.
  base: '/console/',
  plugins: [react(), { ...locales.vite({ locales: ['en-US'] }), enforce: 'pre' }],
  server: { host: '127.0.0.1', proxy: { '^/(v1|v2|v3|media|files|images|channels)/': server } },
  build: {
    target: 'es2022',
    // A font or a picture inside a style sheet would need `data:` in the content security policy.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    reportCompressedSize: false,
    rolldownOptions: {
      output: {
        // Few files instead of forty small ones: each costs headers, and compresses worse by itself.
        codeSplitting: {
          groups: [
            { name: 'vendor', test: /node_modules[\\/](react|react-dom|scheduler|@tanstack|openapi-fetch)[\\/]/, priority: 3 },
            { name: 'base', test: /src[\\/](?!ui[\\/]rich|ui[\\/]DateField|ui[\\/]ListField)(ui|api|live|keys|app|store)|src[\\/]i18n[\\/](index|format)/, priority: 2 },
            { name: 'screen', test: /src[\\/](screen|ui[\\/](DateField|ListField))/, priority: 1 },
          ],
        },
      },
    },
  },
  test: { include: ['src/**/*.test.ts'], environment: 'node' },
});
