import { defineConfig } from "vite";

/** Three files with fixed names, which the program embeds. */
export default defineConfig({
  root: import.meta.dirname,
  base: "/",
  build: {
    target: "es2022",
    // light-dark() stays, since the canvas reads it.
    cssTarget: ["chrome123", "firefox120", "safari17.5"],
    outDir: "dist",
    emptyOutDir: true,
    sourcemap: false,
    modulePreload: false,
    cssCodeSplit: false,
    assetsInlineLimit: 0,
    rollupOptions: {
      output: { entryFileNames: "app.js", assetFileNames: "app[extname]", codeSplitting: false },
    },
  },
});
