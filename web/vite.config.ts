import { defineConfig, type Plugin, type Rollup } from "vite";
import type { TabName } from "./src/view.ts";

/** The file of each view. */
const VIEWS: Record<TabName, string> = { today: "today", map: "map-tab", explore: "explore", compare: "compare", sources: "sources", health: "health" };

type Output = Rollup.OutputAsset | Rollup.OutputChunk;

/** Writes into the page what it is first shown with: its styles, its icon, and src/first.ts. The server allows that script by its hash. */
function firstPaint(): Plugin {
  return {
    name: "first-paint",
    buildStart() {
      this.emitFile({ type: "chunk", id: "src/first.ts" });
    },
    generateBundle: {
      order: "pre",
      handler(_options, bundle) {
        // The styles of the page are in it before any part is: no part has to wait for them.
        for (const file of Object.values(bundle)) if (file.type === "chunk" && file.isEntry) file.viteMetadata?.importedCss.clear();
      },
    },
    transformIndexHtml: {
      order: "post",
      handler(html, { bundle = {} }) {
        const files: Output[] = Object.values(bundle);
        const chunks = files.filter((file) => file.type === "chunk");
        const chunkOf = (source: string): Rollup.OutputChunk => {
          const found = chunks.find(({ facadeModuleId }) => facadeModuleId?.endsWith(`/src/${source}.ts`));
          if (found === undefined) throw new Error(`${source}.ts has no chunk of its own`);
          return found;
        };
        const asset = (name: RegExp): Rollup.OutputAsset => {
          const found = files.filter((file) => file.type === "asset").find(({ fileName }) => name.test(fileName));
          if (found === undefined) throw new Error(`nothing was built that is called ${name}`);
          return found;
        };
        /** A chunk with all that it imports, but for what the page loads anyway. */
        const whole = (chunk: Rollup.OutputChunk, all = new Set<string>()): Set<string> => {
          if (chunk.isEntry || all.has(chunk.fileName)) return all;
          all.add(chunk.fileName);
          for (const one of chunks) if (chunk.imports.includes(one.fileName)) whole(one, all);
          return all;
        };
        const scripts = Object.entries(VIEWS).map(([tab, source]) => [tab, [...whole(chunkOf(source))].map((name) => `/${name}`)]);
        const [, main] = /<script type="module"[^>]* src="([^"]*)"/.exec(html) ?? [];
        if (main === undefined) throw new Error("the page has no script");
        const first = chunkOf("first");
        if (first.imports.length > 0) throw new Error("first.ts cannot import anything");
        const constants = `const MAIN="${main}",SCRIPTS=${JSON.stringify(Object.fromEntries(scripts))},COASTS="/${asset(/countries-110m/).fileName}";`;
        const icon = asset(/\bicon-.*\.svg$/);
        const styles = asset(/\bindex-.*\.css$/);
        const picture = `data:image/svg+xml,${encodeURIComponent(String(icon.source))}`;
        const style = String(styles.source).replaceAll(`/${icon.fileName}`, picture);
        for (const { fileName } of [icon, styles, first]) delete bundle[fileName];
        return html
          .replace(/<script type="module"[^>]*><\/script>\s*/, "")
          .replace(/<link rel="modulepreload"[^>]*>\s*/g, "")
          .replace(/<!--.*?-->\s*/g, "")
          .replace("</head>", () => `<link rel="icon" href="${picture}"><style>${style}</style></head>`)
          .replace("<title>", () => `<script>{${constants}${first.code}}</script>\n    <title>`);
      },
    },
  };
}

// Everything lands in dist/index.html and dist/assets with hashed names; the binary embeds it.
export default defineConfig({
  base: "/",
  plugins: [firstPaint()],
  build: {
    outDir: "dist",
    emptyOutDir: true,
    target: "es2023",
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    chunkSizeWarningLimit: 1500,
    rolldownOptions: {
      output: {
        // Small parts that several tabs share come in one piece: a browser asks for six things at a time.
        codeSplitting: {
          groups: [{ name: "shared", test: /src\/(body|causes|controls|data|day-message|provenance-button|record-api|table|text)\.ts$/ }],
        },
        // The map's worker ships as a ready-made `.mjs`; `.js` spares servers a MIME type to know.
        assetFileNames: (asset) =>
          asset.names.some((name) => name.endsWith(".mjs"))
            ? "assets/[name]-[hash].js"
            : "assets/[name]-[hash][extname]",
      },
    },
  },
});
