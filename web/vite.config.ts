import { defineConfig } from "vite";

// Everything lands in dist/index.html and dist/assets with hashed names; the binary embeds it. Nothing is
// inlined, so that a Content-Security-Policy without 'unsafe-inline' for scripts is enough.
export default defineConfig({
  base: "/",
  build: {
    outDir: "dist",
    emptyOutDir: true,
    target: "es2023",
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    chunkSizeWarningLimit: 1500,
    rolldownOptions: {
      output: {
        // The map's worker ships as a ready-made `.mjs`; `.js` spares servers a MIME type to know.
        assetFileNames: (asset) =>
          asset.names.some((name) => name.endsWith(".mjs"))
            ? "assets/[name]-[hash].js"
            : "assets/[name]-[hash][extname]",
      },
    },
  },
});
