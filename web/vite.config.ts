import react from '@vitejs/plugin-react';
import { defineConfig } from 'vite';

export default defineConfig({
  plugins: [react()],
  build: {
    // The first ones with all that the client library needs (implicit rollback, connectionState, sendEncodings).
    target: ['chrome100', 'firefox113', 'safari16'],
    // Nothing may become a data: URL, so that `default-src 'self'` suffices as policy.
    assetsInlineLimit: 0,
  },
  server: {
    // `npm run dev` beside a Monoport on its own port.
    proxy: { '/sdp': { target: 'http://localhost:8000', ws: true } },
  },
});
