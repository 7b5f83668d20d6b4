import react from '@vitejs/plugin-react'
import { defineConfig } from 'vite'

/** The gateway serves what this makes, below /console/; names of files hold their content's hash. */
export default defineConfig({
  base: '/console/',
  plugins: [react()],
  build: { target: 'es2023', assetsInlineLimit: 0, cssCodeSplit: true, modulePreload: { polyfill: false }, chunkSizeWarningLimit: 400 },
})
